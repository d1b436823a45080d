"""`peyman audit --ticket-keys`: the ticket in a download's address proves what was shown, with public keys alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from peyman.entrypoints import clock
from peyman.entrypoints.jobs import ticket as ticket_command
from peyman.market.guard.actions import keys
from peyman.market.guard.actions.tickets import Booth
from peyman.market.guard.models import Statement
from peyman.market.guard.queries import keys as queries
from peyman.market.guard.queries import tickets as receipts
from peyman.market.tariff.rules.guard import AddressEvidence, Decision, Evidence, LastList
from tests.jobs.test_audit import audit, by_user_day, done, line, place, write_csv

__all__ = ["place"]  # a fixture

SHOWN = datetime(2023, 5, 13, 9, 59, tzinfo=UTC)  # the lines of a log begin a minute later
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def issue() -> Callable[..., str]:
    """Issues tickets of 2023-05-13 and leaves the key published and its tags disclosed."""
    keys.sweep(now=SHOWN - DAY)
    booth = Booth()
    snapshot = LastList("REG-2345-6789-ABCD-E", "2023-05-12", SHOWN - DAY)
    range_ = AddressEvidence("185.143.232.10", 1, "registered", "admitted", None, None, True)
    evidence = Evidence("mci", "mci/web", ("apk",), snapshot, (range_,), ())

    def made(account: str = "PER-0001", at: datetime = SHOWN, object_: str = "/a.apk") -> str:
        decision = Decision(True, "half", "admitted", at + DAY, evidence)
        return booth.issue(decision=decision, object_=object_, account=account, now=at).token

    return made


def published(place: Path, at: datetime = SHOWN + DAY) -> str:
    file = place / "keys.json"
    file.write_text(json.dumps(queries.document(at)))
    return str(file)


def quiet(**given: Any) -> dict[str, Any]:
    """A line of a host that showed nothing, so that only a ticket can prove a showing."""
    return line(host="dl.quiet.ir", **given)


def flipped(token: str) -> str:
    return token[:30] + ("A" if token[30] != "A" else "B") + token[31:]


@pytest.mark.clause("B03", "B08")
def test_a_line_whose_ticket_our_keys_verify_was_shown_to_the_tickets_account(place: Path, issue: Any) -> None:
    sara, reza, nobody = issue(), issue("PER-0002"), issue("")
    rows = [
        quiet(request_id="1", download_token=sara),
        quiet(request_id="2", download_token=sara, status=206, path="/mirror/a.apk"),
        quiet(request_id="3", download_token=reza),
        quiet(request_id="4", download_token=nobody),
        quiet(request_id="5", download_token=flipped(sara)),
        quiet(request_id="6", download_token=issue(object_="/b.apk")),
        quiet(request_id="7", download_token=issue(at=SHOWN - timedelta(minutes=20))),
        quiet(request_id="8", download_token="x" * 287),
        quiet(request_id="9"),
    ]
    write_csv(place / "log.csv", rows)
    assert done(place)["overcharged"] == 0
    totals = done(place, "--ticket-keys", published(place))
    assert (totals["overcharged"], totals["not_promised"]) == (4, 5)
    users = {row["user"]: row["lines"] for row in by_user_day(place)}
    assert users.pop(nobody) == 1  # a showing to nobody's account stands for itself
    accounts = receipts.accounts(users, ["PER-0001", "PER-0002", "PER-0003"])
    assert {accounts[user]: lines for user, lines in users.items()} == {"PER-0001": 2, "PER-0002": 1}
    manifest = json.loads((place / "out" / "manifest.json").read_text())
    assert manifest["inputs"]["ticket_keys"]["name"] == "keys.json"


@pytest.mark.clause("B03", "B08")
def test_where_releases_say_shown_a_tickets_account_is_the_user_also_of_another_object(place: Path, issue: Any) -> None:
    token = issue(object_="/b.apk")
    write_csv(place / "log.csv", [line(request_id="1", download_token=token)])
    done(place, "--ticket-keys", published(place))
    (row,) = by_user_day(place)
    assert receipts.accounts([row["user"]], ["PER-0001"]) == {row["user"]: "PER-0001"}


@pytest.mark.clause("B03", "B09")
def test_before_its_tag_key_is_disclosed_a_ticket_proves_the_showing_and_not_the_account(
    place: Path, issue: Any
) -> None:
    token = issue()
    write_csv(place / "log.csv", [quiet(request_id="1", download_token=token)])
    done(place, "--ticket-keys", published(place, SHOWN + timedelta(minutes=5)))
    assert [row["user"] for row in by_user_day(place)] == [token]
    done(place, "--ticket-keys", "db", out="own")
    (row,) = by_user_day(place, "own")
    assert receipts.accounts([row["user"]], ["PER-0001"]) == {row["user"]: "PER-0001"}


def test_what_is_no_file_of_keys_is_refused_in_words(place: Path, issue: Any) -> None:
    (place / "keys.json").write_text("[]")
    for file in ("keys.json", "nothing.json", "log.csv"):
        ended = audit(place, "--ticket-keys", str(place / file))
        assert ended.exit_code == 2
        assert file in ended.output
    assert not (place / "out").exists()


# ---- `peyman ticket` ----


def run(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(ticket_command.command, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, json.loads(result.stdout) if "--json" in arguments else result.output


@pytest.mark.clause("B03")
def test_a_ticket_is_resolved_to_its_statement_addresses_and_list(issue: Any) -> None:
    token = issue()
    code, told = run("verify", token, "--path", "/a.apk", "--at", "2023-05-13T10:00:00Z", "--json")
    assert code == 0
    assert (told["valid"], told["code"], told["operator"], told["object"]) == (True, "good", "mci", "/a.apk")
    assert (told["shown_at"], told["expires_at"]) == ("2023-05-13T09:59:00Z", "2023-05-13T10:09:00Z")
    assert told["evidence"]["addresses"][0]["range"] == "185.143.232.10"
    assert (told["snapshot"], told["evidence"]["snapshot"]["code"]) == ("REG-2345-6789-ABCD-E",) * 2
    assert told["statement"] == Statement.objects.get().code
    code, said = run("verify", token)
    assert code == 0
    assert "mci" in said and "185.143.232.10" in said


@pytest.mark.clause("B03")
def test_a_ticket_verifies_offline_with_the_published_keys_alone(
    place: Path, issue: Any, django_assert_num_queries: Any
) -> None:
    token, file = issue(), published(place)
    with django_assert_num_queries(0):
        code, told = run("verify", token, "--keys", file, "--json")
    assert (code, told["valid"], told["proven"], told["evidence"]) == (0, True, True, None)


@pytest.mark.clause("B03")
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (("--path", "/b.apk"), "other_object"),
        (("--at", "2023-05-13T09:58:59Z"), "not_yet"),
        (("--at", "2023-05-13T10:09:00Z"), "expired"),
    ],
)
def test_a_ticket_for_another_object_or_time_is_ours_and_not_valid(
    more: tuple[str, ...], expected: str, issue: Any
) -> None:
    code, told = run("verify", issue(), *more, "--json")
    assert (code, told["valid"], told["code"], told["operator"]) == (1, False, expected, "mci")


@pytest.mark.clause("B03")
def test_a_forged_ticket_is_refused_in_words(issue: Any) -> None:
    code, said = run("verify", flipped(issue()))
    assert code == 1
    assert "امضا درست نیست" in said
    assert run("verify", "nonsense", "--json") == (1, {"valid": False, "code": "unknown_version", "evidence": None})


@pytest.mark.clause("B03")
def test_keys_are_listed_rotated_revoked_and_exported(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: SHOWN)
    code, made = run("keys", "rotate", "--json")
    assert (code, made["number"], made["signs_from"]) == (0, 1, "2023-05-13T09:59:00Z")
    assert run("keys", "rotate", "--json") == (0, made)
    monkeypatch.setattr(clock, "now", lambda: SHOWN + DAY)
    assert run("keys", "revoke", made["kid"], "--since", "2023-05-14", "--why", "گم شد")[0] == 0
    code, listed = run("keys", "list", "--json")
    assert [(one["number"], one["state"]) for one in listed] == [(2, "signing"), (1, "revoked")]
    assert run("keys", "export", str(place / "k.json"))[0] == 0
    assert json.loads((place / "k.json").read_text()) == queries.document(SHOWN + DAY)
