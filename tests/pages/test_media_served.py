"""Files of media as browsers get them: kept for a time, in parts where they ask so, and unable to do anything."""

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

KEY = "0123456789abcdef0123456789abcdef01234567"
FILM = bytes(range(256)) * 2000  # half a megabyte

pytestmark = pytest.mark.any_database


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """A folder with a picture 500 pixels wide, a film, and beside it what nobody may see."""
    settings.MEDIA_ROOT = tmp_path / "media"
    place = settings.MEDIA_ROOT / KEY[:2]
    place.mkdir(parents=True)
    for width in (160, 320, 640):
        (place / f"{KEY}-{width}.webp").write_bytes(b"picture %d" % width)
    (place / f"{KEY}.mp4").write_bytes(FILM)
    (settings.MEDIA_ROOT / "incoming").mkdir()
    (settings.MEDIA_ROOT / "incoming" / KEY).write_bytes(b"of a stranger")
    (tmp_path / "secret.webp").write_bytes(b"secret")
    return tmp_path


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


def test_a_picture_is_kept_a_week_by_its_reader_an_hour_by_others_and_can_do_nothing_but_be_seen(
    client: Client,
) -> None:
    answer = client.get(f"/media/{KEY}-320.webp", headers={"Accept-Encoding": "gzip, br"})
    assert (answer.status_code, body(answer)) == (200, b"picture 320")
    assert answer["Content-Type"] == "image/webp" and answer["Content-Length"] == "11"
    assert answer["Cache-Control"] == "public, max-age=604800, s-maxage=3600, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Vary"] == "Save-Data" and "Content-Encoding" not in answer
    assert not answer.cookies and "Set-Cookie" not in answer


def test_it_asks_no_table(client: Client, settings: Any) -> None:
    assert client.get(f"/media/{KEY}-320.webp").status_code == 200  # without `db`, a query would be a fault


def test_whoever_has_it_is_told_that_it_is_the_same(client: Client) -> None:
    tag = client.get(f"/media/{KEY}-320.webp")["ETag"]
    for told in (tag, f'W/{tag}, "other"', "*"):
        again = client.get(f"/media/{KEY}-320.webp", headers={"If-None-Match": told})
        assert (again.status_code, body(again)) == (304, b"") and again["ETag"] == tag
    other = client.get(f"/media/{KEY}-160.webp", headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_a_narrow_picture_is_sent_as_wide_as_it_is(client: Client) -> None:
    assert body(client.get(f"/media/{KEY}-1280.webp")) == b"picture 640"


def test_who_saves_data_gets_the_smallest(client: Client) -> None:
    saving = {"Save-Data": "on"}
    assert body(client.get(f"/media/{KEY}-640.webp", headers=saving)) == b"picture 160"
    assert body(client.get(f"/media/{KEY}-1280.webp", headers=saving)) == b"picture 640"  # asked to be seen large
    assert body(client.get(f"/media/{KEY}-640.webp", headers={"Save-Data": "off"})) == b"picture 640"


def test_a_head_says_how_large_it_is_and_other_methods_are_refused(client: Client) -> None:
    answer = client.head(f"/media/{KEY}.mp4")
    assert (answer.status_code, answer["Content-Length"], body(answer)) == (200, "512000", b"")
    assert answer["Content-Type"] == "video/mp4" and answer["Accept-Ranges"] == "bytes"
    refused = client.post(f"/media/{KEY}.mp4")
    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-1", 0, 1),
        ("bytes=100-300", 100, 300),
        ("bytes=511999-", 511_999, 511_999),
        ("bytes=1000-", 1000, 511_999),
        ("bytes=1000-99999999", 1000, 511_999),
        ("bytes=-5", 511_995, 511_999),
        ("bytes=-99999999", 0, 511_999),
    ],
)
def test_a_film_comes_in_the_parts_that_a_player_asks_for(client: Client, asked: str, first: int, last: int) -> None:
    answer = client.get(f"/media/{KEY}.mp4", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/512000"
    assert answer["Content-Length"] == str(last - first + 1)
    assert body(answer) == FILM[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=512000-", "bytes=600000-700000", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(client: Client, asked: str) -> None:
    answer = client.get(f"/media/{KEY}.mp4", headers={"Range": asked})
    assert (answer.status_code, answer["Content-Range"], body(answer)) == (416, "bytes */512000", b"")


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=5-4", "bytes=a-b", "lines=0-1", "bytes=0-1,5-6", "bytes=٠-١"])
def test_a_part_that_makes_no_sense_is_all_of_it(client: Client, asked: str) -> None:
    assert client.get(f"/media/{KEY}.mp4", headers={"Range": asked}).status_code == 200


def test_a_part_of_what_changed_since_is_all_of_it(client: Client) -> None:
    same, other = client.head(f"/media/{KEY}.mp4")["ETag"], '"other"'
    for tag, status in ((same, 206), (other, 200)):
        headers = {"Range": "bytes=0-1", "If-Range": tag}
        assert client.get(f"/media/{KEY}.mp4", headers=headers).status_code == status


@pytest.mark.parametrize(
    "path",
    ["", KEY, f"{KEY}-321.webp", f"{KEY}-320.jpg", f"{KEY}.webm", f"{'f' * 40}-320.webp", f"incoming/{KEY}",
     "../secret.webp", "%2e%2e/secret.webp", f"{KEY[:2]}/{KEY}-320.webp", f"{KEY}-320.webp%00", f"{KEY}-320.webp/"],
)  # fmt: skip
def test_nothing_else_is_there(client: Client, path: str) -> None:
    answer = client.get(f"/media/{path}")
    assert answer.status_code == 404
    assert b"secret" not in body(answer) and b"stranger" not in body(answer)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not tell its open files")
@pytest.mark.django_db  # whoever closes an answer looks at the connection that an earlier test left
def test_a_film_that_is_sent_leaves_no_file_open(client: Client, folder: Path) -> None:
    sent = client.get(f"/media/{KEY}.mp4")
    assert open_below(folder) == [str(folder / "media" / KEY[:2] / f"{KEY}.mp4")]  # so it would be seen
    body(sent)
    for _ in range(5):
        body(client.get(f"/media/{KEY}.mp4"))
        client.get(f"/media/{KEY}.mp4").close()
        client.get(f"/media/{KEY}.mp4", headers={"Range": "bytes=900000-"})
    assert open_below(folder) == []


def open_below(folder: Path) -> list[str]:
    """Files of a folder that this process holds open; what its other threads hold is not looked at."""
    found = []
    for each in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # another thread closed it meanwhile
            found.append(os.readlink(f"/proc/self/fd/{each}"))
    return [path for path in found if path.startswith(f"{folder.resolve()}/media/")]


@pytest.mark.parametrize("name", [f"{KEY}-160.webp", f"{KEY}-1280.webp", f"{KEY}.mp4", f"{KEY}.webm"])
def test_what_was_taken_down_is_gone_at_every_address_even_before_its_files_are(
    client: Client, folder: Path, name: str
) -> None:
    (folder / "media" / KEY[:2] / f"{KEY}.down").touch()
    for how in ({}, {"If-None-Match": "*"}, {"Range": "bytes=0-1"}, {"Save-Data": "on"}):
        answer = client.get(f"/media/{name}", headers=how)
        assert (answer.status_code, answer["Cache-Control"]) == (410, "no-cache"), how
        assert body(answer).decode() == "این فایل حذف شده است.\n"
    assert client.head(f"/media/{name}").status_code == 410
    assert client.get(f"/media/{KEY}.down").status_code == 404
    other = "f" * 40
    (folder / "media" / "ff").mkdir()
    (folder / "media" / "ff" / f"{other}-160.webp").write_bytes(b"other")
    assert body(client.get(f"/media/{other}-160.webp")) == b"other"
