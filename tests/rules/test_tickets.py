"""Tickets: what verifies, and that nothing else does."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from peyman.market.guard.rules import keyring, tickets, wording
from peyman.market.guard.rules.keyring import BadKeys, Plan
from peyman.market.guard.rules.tickets import Bad, PublicKey, Said, SigningKey, Ticket, Verifier

FROM = 1_735_972_200  # 2025-01-04 06:30 UTC, Saturday 10:00 in Tehran
PLANNED = FROM + 30 * 86_400
GRANT, SARA = bytes(range(12)), b"twelve bytes"
PATH = "/apk/ir.example.koohnama/5.2.1.apk"


def at(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def made(seed: int = 1) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    chain, public = bytes([seed + 100]) * 32, private.public_key().public_bytes_raw()
    kid = tickets.key_id(public, tickets.anchor_of(chain, FROM, PLANNED), FROM, PLANNED)
    return SigningKey(kid, private, chain, b"n" * 32, FROM, PLANNED, PLANNED)


KEY = made()


def known(key: SigningKey = KEY, *, at_second: int | None = None, **changed) -> PublicKey:
    """The key as everybody knows it at a second; None: long afterwards."""
    last = tickets.intervals(FROM, PLANNED) - 1
    upto = last if at_second is None else tickets.disclosed_upto(FROM, PLANNED, at_second)
    facts = {
        "kid": key.kid,
        "public": key.private.public_key().public_bytes_raw(),
        "anchor": tickets.anchor_of(key.chain, FROM, PLANNED),
        "signs_from": FROM,
        "signs_planned": PLANNED,
        "signs_until": PLANNED,
        "upto": upto,
        "disclosed": tickets.chain_key(key.chain, FROM, PLANNED, upto) if upto >= 0 else b"",
    }
    return PublicKey(**(facts | changed))


def verifier(*keys: PublicKey) -> Verifier:
    return Verifier({key.kid: key for key in keys or (known(),)})


def said(**changed) -> Said:
    facts = {
        "object": PATH,
        "operator": "همراه اول",
        "starts": FROM + 7_200,
        "life": 600,
        "wording": 1,
        "statement": bytes(range(16)),
        "snapshot": "REG-2345-6789-ABCD-E",
    }
    return Said(**(facts | changed))


def ticket(after: int = 5, key: SigningKey = KEY, account: bytes = SARA, **changed) -> str:
    what = said(**changed)
    return tickets.sign(what, key).show(grant=GRANT, account=account, at=what.starts + after)


def code(found: Ticket | Bad) -> str:
    return found.code if isinstance(found, Bad) else "good"


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# ---- What it says ----


@pytest.mark.clause("B03")
def test_a_ticket_says_which_object_operator_evidence_and_words_until_when_and_to_whom():
    assert verifier().verify(ticket(), path=PATH, at=at(FROM + 7_300)) == Ticket(
        kid=KEY.kid.hex(),
        object=PATH,
        operator="همراه اول",
        starts_at=at(FROM + 7_200),
        shown_at=at(FROM + 7_205),
        expires_at=at(FROM + 7_800),
        wording=1,
        statement="000102030405060708090a0b0c0d0e0f",
        snapshot="REG-2345-6789-ABCD-E",
        grant="000102030405060708090a0b",
        account=SARA.hex(),
        is_proven=True,
    )
    assert len(ticket()) == 287


@pytest.mark.clause("B03")
def test_it_is_good_from_the_second_it_was_shown_until_before_it_expires():
    check = verifier()
    codes = [
        code(check.verify(ticket(), path=PATH, at=at(FROM + second)))
        for second in (7_204.999999, 7_205, 7_799.999999, 7_800)
    ]
    assert codes == ["not_yet", "good", "good", "expired"]


@pytest.mark.clause("B03")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PATH, "good"),
        (f"/market{PATH}", "good"),
        (f"/market{PATH}/", "other_object"),
        (PATH[1:], "other_object"),
        (f"/x{PATH[1:]}", "other_object"),
        (PATH.upper(), "other_object"),
        (f"{PATH}?token=1", "other_object"),
        ("/apk/ir.example.koohnama/5.2.2.apk", "other_object"),
        ("", "other_object"),
    ],
)
def test_it_is_for_one_object_alone(path, expected):
    assert code(verifier().verify(ticket(), path=path, at=at(FROM + 7_300))) == expected


def test_nobody_without_an_account_has_a_pseudonym():
    found = verifier().ticket(ticket(account=tickets.NOBODY))
    assert isinstance(found, Ticket)
    assert (found.account, found.user) == ("", "")


def test_an_account_has_one_pseudonym_under_one_key_and_another_under_the_next():
    one = tickets.pseudonym(b"a" * 32, "PER-0001")
    assert one == tickets.pseudonym(b"a" * 32, "PER-0001")
    assert len({one, tickets.pseudonym(b"b" * 32, "PER-0001"), tickets.pseudonym(b"a" * 32, "PER-0002")}) == 3
    assert tickets.pseudonym(b"a" * 32, "") == tickets.NOBODY


# ---- Nothing else verifies ----


objects = st.lists(st.text("abc019._~-", min_size=3, max_size=9), min_size=1, max_size=5).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)


@pytest.mark.clause("B03")
@given(
    path=objects,
    operator=st.sampled_from(["همراه اول", "ایرانسل", "mci", "رایتل ۴"]),
    starts=st.integers(FROM, PLANNED - 1),
    life=st.integers(1, tickets.MOST_LIFE),
    words=st.integers(1, 65_535),
    account=st.binary(min_size=12, max_size=12),
    share=st.floats(0, 0.999),
)
def test_what_is_issued_reads_back_as_it_was_said(path, operator, starts, life, words, account, share):
    what = said(object=path, operator=operator, starts=starts, life=life, wording=words)
    after = int(share * life)
    text = tickets.sign(what, KEY).show(grant=GRANT, account=account, at=starts + after)
    found = verifier().verify(text, path=path, at=at(starts + after))
    assert isinstance(found, Ticket)
    assert (found.object, found.operator, found.wording, found.is_proven) == (path, operator, words, True)
    assert (found.starts_at, found.shown_at, found.expires_at) == (at(starts), at(starts + after), at(starts + life))
    assert found.account == ("" if account == tickets.NOBODY else account.hex())


@pytest.mark.clause("B03")
def test_any_flipped_bit_is_refused():
    data = decoded(ticket())
    check = verifier()
    codes = set()
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        codes.add(code(check.ticket(encoded(bytes(changed)))))
    assert codes == {"malformed", "unknown_version", "unknown_key", "bad_signature", "bad_tag"}


@pytest.mark.clause("B03")
def test_until_its_tag_key_is_disclosed_the_statement_verifies_and_nobody_is_named():
    text = ticket()
    shown = FROM + 7_205
    early, late = (verifier(known(at_second=second)) for second in (FROM + 4 * 3_600 - 1, FROM + 4 * 3_600))
    found = early.verify(text, path=PATH, at=at(shown))
    assert isinstance(found, Ticket)
    assert (found.is_proven, found.user) == (False, "")
    named = late.verify(text, path=PATH, at=at(shown))
    assert isinstance(named, Ticket)
    assert (named.is_proven, named.user) == (True, f"{KEY.kid.hex()}.{SARA.hex()}")
    # Somebody else's account under a true statement: found out when the key is disclosed.
    forged = bytearray(decoded(text))
    forged[-28:-16] = b"other person"
    assert code(late.ticket(encoded(bytes(forged)))) == "bad_tag"


@pytest.mark.clause("B03")
def test_a_tag_of_one_statement_serves_no_other():
    one, other = decoded(ticket()), decoded(ticket(object="/apk/ir.example.other/1.apk"[: len(PATH)]))
    showing = 2 + 12 + 12 + 16
    assert code(verifier().ticket(encoded(other[:-showing] + one[-showing:]))) == "bad_tag"


@pytest.mark.clause("B03")
@given(st.integers(0, 286))
def test_a_shortened_ticket_is_none(length):
    assert code(verifier().ticket(ticket()[:length])) == "malformed"


@pytest.mark.clause("B03")
@given(st.text(max_size=1_300) | st.binary(max_size=900).map(encoded))
def test_whatever_else_is_sent_is_refused(text):
    assert isinstance(verifier().ticket(text), Bad)


@pytest.mark.clause("B03")
def test_there_is_one_text_for_each_ticket():
    text = ticket(operator="asia")
    assert len(text) % 4 == 2  # its last sign carries four bits that nothing reads
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = signs.index(text[-1])
    twins = [text[:-1] + signs[last | spare] for spare in range(1, 16)]
    assert base64.urlsafe_b64decode(twins[0] + "==") == decoded(text)
    for other in [
        *twins,
        text + "=",
        text + "==",
        text + "A",
        f" {text}",
        f"{text}\n",
        text.replace("A", "А", 1),  # the Cyrillic letter
        text.replace("1", "۱", 1) if "1" in text else f"{text}۱",
        text.translate(str.maketrans("-_", "+/")) if set("-_") & set(text) else f"{text}+",
        text.upper(),
        text * 5,
        "",
    ]:
        assert code(verifier().ticket(other)) in ("malformed", "unknown_key", "bad_signature"), other
    assert code(verifier().ticket(text)) == "good"


@pytest.mark.clause("B03")
def test_another_key_verifies_nothing_even_under_the_same_id():
    assert code(verifier(known(made(2))).ticket(ticket())) == "unknown_key"
    twin = known(made(2), kid=KEY.kid)
    assert code(verifier(twin).ticket(ticket())) == "bad_signature"


@pytest.mark.clause("B03")
def test_a_key_counts_only_in_its_time_and_until_it_is_revoked():
    text = ticket()
    assert code(verifier(known(signs_until=FROM + 7_200)).ticket(text)) == "key_not_in_use"
    assert code(verifier(known(signs_until=FROM + 7_201)).ticket(text)) == "good"
    assert code(verifier(known(revoked_from=FROM + 7_200)).ticket(text)) == "key_revoked"
    assert code(verifier(known(revoked_from=FROM + 7_201)).ticket(text)) == "good"
    with pytest.raises(ValueError, match="time"):
        tickets.sign(said(starts=FROM - 1), KEY)
    with pytest.raises(ValueError, match="time"):
        tickets.sign(said(starts=PLANNED), KEY)


@pytest.mark.clause("B03")
def test_no_field_chooses_how_it_is_verified():
    """A statement signed as another version, or plain, or as a hash under the public key, is none."""
    body = decoded(ticket())[: -(64 + 42)]
    showing = decoded(ticket())[-42:]
    public = known().public
    plain = KEY.private.sign(body)
    keyed = hashlib.sha512(public + body).digest()
    for signature in (plain, keyed, bytes(64)):
        assert code(verifier().ticket(encoded(body + signature + showing))) == "bad_signature"
    second = b"\x02" + body[1:]
    signature = KEY.private.sign(b"peyman half-price statement v1\0" + second)
    assert code(verifier().ticket(encoded(second + signature + showing))) == "unknown_version"


@pytest.mark.clause("B03")
@pytest.mark.parametrize(
    "changed",
    [
        {"object": "apk/a.apk"},
        {"object": "/apk//a.apk"},
        {"object": "/apk/../a.apk"},
        {"object": "/apk/./a.apk"},
        {"object": "/apk/"},
        {"object": "/apk/a.apk?x=1"},
        {"object": "/apk/a b.apk"},
        {"object": "/apk/کوه.apk"},
        {"object": "/apk/%2f"},
        {"object": "/" + "a" * 512},
        {"operator": ""},
        {"operator": "همراه\u200fاول"},
        {"operator": "همراه\nاول"},
        {"operator": "ایرانسل‌"},
        {"operator": "x" * 121},
        {"snapshot": "reg-1"},
        {"snapshot": ""},
        {"life": 0},
        {"life": 901},
        {"wording": 0},
        {"statement": b"short"},
    ],
)
def test_what_no_ticket_may_say_is_not_signed(changed):
    with pytest.raises(ValueError, match="no ticket"):
        tickets.sign(said(**changed), KEY)


def test_a_showing_is_of_the_statements_own_time():
    signed = tickets.sign(said(), KEY)
    for second in (-1, 600):
        with pytest.raises(ValueError, match="not a showing"):
            signed.show(grant=GRANT, account=SARA, at=signed.said.starts + second)


# ---- Tag keys ----


@pytest.mark.clause("B03")
@settings(max_examples=30)
@given(st.integers(0, 719), st.integers(0, 719))
def test_a_disclosed_tag_key_gives_those_before_it_and_none_after(one, other):
    first, second = sorted((one, other))
    late, early = (tickets.chain_key(KEY.chain, FROM, PLANNED, place) for place in (second, first))
    step = late
    for _ in range(second - first):
        step = hashlib.sha256(b"peyman half-price chain v1\0" + step).digest()
    assert step == early
    assert tickets.leads_to(late, second, tickets.anchor_of(KEY.chain, FROM, PLANNED))


@pytest.mark.parametrize(
    ("second", "upto"),
    [(0, -1), (7_199, -1), (7_200, 0), (10_799, 0), (10_800, 1), (30 * 86_400 + 3_600, 719), (10**9, 719)],
)
def test_a_tag_key_is_disclosed_an_hour_after_the_hour_in_which_it_tagged(second, upto):
    assert tickets.disclosed_upto(FROM, PLANNED, FROM + second) == upto
    assert upto < 0 or (upto + 1) * tickets.INTERVAL + tickets.MOST_LIFE < second


# ---- The document ----


def document(*keys: PublicKey) -> dict:
    return keyring.document(keys or [known(at_second=FROM + 20_000)], {})


@pytest.mark.clause("B03")
def test_the_published_document_verifies_what_was_issued():
    keys = keyring.read_document(document())
    found = Verifier(keys).verify(ticket(), path=PATH, at=at(FROM + 7_300))
    assert isinstance(found, Ticket)
    assert found.is_proven


@pytest.mark.clause("B03")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kty", "oct"),
        ("crv", "Ed448"),
        ("crv", None),
        ("x", "A" * 43),
        ("x", "not base64"),
        ("kid", "0" * 16),
        ("kid", 7),
        ("signs_from", FROM + 1),
        ("signs_from", True),
        ("signs_until", PLANNED + 1),
        ("signs_planned", 2**40),
        ("tags", None),
        ("tags", {"interval": 60, "anchor": "00" * 32, "upto": -1, "disclosed": ""}),
        ("tags", {"interval": 3_600, "anchor": "00" * 32, "upto": -1, "disclosed": ""}),
    ],
)
def test_a_document_that_was_tampered_with_is_refused(name, value):
    changed = document()
    changed["keys"][0][name] = value
    with pytest.raises(BadKeys):
        keyring.read_document(changed)


@pytest.mark.parametrize(
    "changed", [{"upto": 720}, {"upto": -2}, {"upto": "1"}, {"upto": 5}, {"disclosed": "11" * 32}, {"disclosed": ""}]
)
def test_a_disclosed_key_that_does_not_lead_to_the_anchor_is_refused(changed):
    made_up = document()
    made_up["keys"][0]["tags"] |= changed
    with pytest.raises(BadKeys):
        keyring.read_document(made_up)


@pytest.mark.parametrize("other", [None, [], {}, {"keys": []}, {"keys": {}}, {"keys": ["x"]}, {"keys": [{}] * 5_001}])
def test_what_is_no_document_of_keys_is_refused_in_words(other):
    with pytest.raises(BadKeys) as refused:
        keyring.read_document(other)
    assert refused.value.says


# ---- When keys come ----

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.clause("B03")
@pytest.mark.parametrize(
    ("case", "plans", "expected"),
    [
        ("the first", [], Plan(1, NOW, NOW + 30 * DAY)),
        ("long enough", [Plan(1, NOW - DAY, NOW + 3 * DAY)], None),
        ("two days ahead", [Plan(1, NOW - DAY, NOW + 2 * DAY)], Plan(2, NOW + 2 * DAY, NOW + 32 * DAY)),
        ("one waits", [Plan(1, NOW - DAY, NOW + DAY), Plan(2, NOW + DAY, NOW + 31 * DAY)], None),
        ("nothing signs", [Plan(1, NOW - 31 * DAY, NOW - DAY)], Plan(2, NOW, NOW + 30 * DAY)),
        ("ends now", [Plan(1, NOW - 30 * DAY, NOW)], Plan(2, NOW, NOW + 30 * DAY)),
        ("revoked", [Plan(1, NOW - DAY, NOW + 9 * DAY, True)], Plan(2, NOW, NOW + 30 * DAY)),
        (
            "revoked while one waits",
            [Plan(1, NOW - DAY, NOW, True), Plan(2, NOW + DAY, NOW + 31 * DAY)],
            Plan(3, NOW, NOW + 30 * DAY),
        ),
    ],
)
def test_the_next_key_is_published_two_days_before_it_signs(case, plans, expected):
    assert keyring.next_plan(plans, NOW) == expected


@pytest.mark.parametrize(
    ("case", "plans", "expected"),
    [
        ("the first", [], Plan(1, NOW, NOW + 30 * DAY)),
        ("early", [Plan(1, NOW - DAY, NOW + 9 * DAY)], Plan(2, NOW + 2 * DAY, NOW + 32 * DAY)),
        ("sooner by itself", [Plan(1, NOW - DAY, NOW + DAY)], Plan(2, NOW + DAY, NOW + 31 * DAY)),
        ("one waits", [Plan(1, NOW - DAY, NOW + DAY), Plan(2, NOW + DAY, NOW + 31 * DAY)], None),
        ("one began just now", [Plan(1, NOW, NOW + 30 * DAY)], None),
    ],
)
def test_a_key_asked_for_early_is_published_two_days_before_it_signs_too(case, plans, expected):
    assert keyring.early_plan(plans, NOW) == expected


# ---- Words ----


@pytest.mark.clause("B03")
def test_published_words_are_never_edited():
    assert [(one.number, one.sha256) for one in wording.PUBLISHED] == [
        (1, "3505e63b41bee19d83de2fb93b66131336a0baa69404e0602fcacc094dcdb2b8")
    ]
    assert wording.wording(1) == wording.CURRENT
    assert wording.wording(2) is None
