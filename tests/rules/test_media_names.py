"""How files are called, what a gallery shows first, and which words stand for a picture."""

import pytest

from peyman.kernel.errors import Invalid
from peyman.shop.media import rules
from peyman.shop.media.rules.naming import names_of, order_of

KEY = "0123456789abcdef0123456789abcdef01234567"


def test_the_same_content_has_the_same_key_however_it_is_cut() -> None:
    key = "14d6053e5b3e5cef8d0674be77699bd33eecf20f"
    assert rules.key_of([b"a picture"]) == rules.key_of([b"a pic", b"", b"ture"]) == key
    assert rules.key_of([b"a picture."]) != key


@pytest.mark.parametrize(
    ("width", "widths"),
    [(100, [160]), (160, [160]), (161, [160, 320]), (500, [160, 320, 640]), (640, [160, 320, 640]),
     (641, [160, 320, 640, 1280]), (1280, [160, 320, 640, 1280]), (6000, [160, 320, 640, 1280])],
)  # fmt: skip
def test_no_width_is_made_that_holds_nothing_more(width: int, widths: list[int]) -> None:
    assert rules.widths_of(width) == widths


def test_a_name_leads_to_its_file_or_to_the_widest_below_it() -> None:
    assert rules.file_of(f"{KEY}-320.webp") == [f"01/{KEY}-320.webp", f"01/{KEY}-160.webp"]
    assert rules.file_of(f"{KEY}.mp4") == [f"01/{KEY}.mp4"]


def test_who_saves_data_gets_the_smallest_but_not_of_what_they_asked_to_see_large() -> None:
    for width in (160, 320, 640):
        assert rules.file_of(f"{KEY}-{width}.webp", saves_data=True) == [f"01/{KEY}-160.webp"]
    assert rules.file_of(f"{KEY}-1280.webp", saves_data=True)[0] == f"01/{KEY}-1280.webp"


@pytest.mark.parametrize(
    "name",
    ["", KEY, f"{KEY}.webp", f"{KEY}-161.webp", f"{KEY}-320.jpg", f"{KEY}-320.webp/", f"../{KEY}-320.webp",
     f"{KEY.upper()}-320.webp", f"{KEY[:39]}-320.webp", f"{KEY}-320.webp\n", f"{KEY}.svg", "incoming/x", "..%2fx",
     f"{KEY}-٣٢٠.webp"],
)  # fmt: skip
def test_no_other_name_leads_anywhere(name: str) -> None:
    assert rules.file_of(name) == []


def item(key: str, color: str = "", **more: object) -> dict[str, object]:
    return {"key": key * 40, "alt": "کتری", "w": 500, "h": 400, "kind": "picture", "color": color, **more}


def test_the_picture_of_the_chosen_colour_comes_first_and_those_of_others_last() -> None:
    gallery = [item("a", "سفید"), item("b"), item("c", "قرمز"), item("d", "سفید")]
    assert "".join(shot.key[0] for shot in rules.arranged(gallery)) == "abcd"
    assert "".join(shot.key[0] for shot in rules.arranged(gallery, "قرمز")) == "cbad"
    assert "".join(shot.key[0] for shot in rules.arranged(gallery, "آبی")) == "bacd"


def test_a_shot_knows_its_addresses() -> None:
    picture, film = rules.arranged([item("a"), item("b", kind="mp4", poster="c" * 40)])
    a, b = "a" * 40, "b" * 40
    assert picture.address == f"/media/{a}-1280.webp" and picture.face == a and not picture.is_video
    assert picture.srcset == f"/media/{a}-160.webp 160w, /media/{a}-320.webp 320w, /media/{a}-640.webp 500w"
    assert film.address == f"/media/{b}.mp4" and film.face == "c" * 40 and film.is_video


def test_words_for_a_picture_are_persian_and_say_something() -> None:
    assert rules.check_alt("  كتري برقي\n از روبه‌رو ") == "کتری برقی از روبه‌رو"
    for typed in ("", "   ", "IMG_2231", "۱۲۳", "x" * 201, "کتری" * 51):
        with pytest.raises(Invalid) as refusal:
            rules.check_alt(typed)
        assert list(refusal.value.fields) == ["alt"]


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("P-1200.jpg", ["P-1200"]),
        ("kettle.jpg", ["kettle"]),
        ("kettle-2.JPG", ["kettle-2", "kettle"]),
        ("kettle (3).jpg", ["kettle (3)", "kettle"]),
        ("kettle/red-2.jpg", ["kettle/red-2", "kettle/red", "kettle", "red-2", "red"]),
        ("all/P1/front.png", ["P1/front", "P1", "front"]),
    ],
)
def test_a_file_is_called_after_its_product(place: str, names: list[str]) -> None:
    assert names_of(place) == names


def test_files_are_put_in_the_order_of_their_numbers() -> None:
    files = ["a/kettle-10.jpg", "kettle-2.jpg", "kettle.jpg", "kettle (3).png", "a/kettle-9.jpg", "12.jpg"]
    assert sorted(files, key=order_of) == [
        "12.jpg", "kettle.jpg", "kettle-2.jpg", "kettle (3).png", "a/kettle-9.jpg", "a/kettle-10.jpg",
    ]  # fmt: skip
