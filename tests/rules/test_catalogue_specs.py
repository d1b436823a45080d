"""Specifications of goods: what is taken, what is refused, where it comes from, and what is remembered of a change."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel.errors import Invalid
from peyman.shop.catalog.rules import changes, goods, specs
from peyman.shop.catalog.rules.changes import Difference, differences, field_words
from peyman.shop.catalog.rules.specs import Given, Spec

MEMORY = Spec("حافظه", "number", "گیگابایت", is_required=True)
COLOUR = Spec("رنگ بدنه", "choice", choices=("مشکی", "سفید", "نقره‌ای"))
BLUETOOTH = Spec("بلوتوث", "flag")


@pytest.mark.parametrize(
    ("spec", "typed", "value"),
    [
        (MEMORY, "32", "32 گیگابایت"),
        (MEMORY, "۳۲", "32 گیگابایت"),
        (MEMORY, "٣٢ گيگابايت", "32 گیگابایت"),
        (MEMORY, "۶٫۷", "6.7 گیگابایت"),
        (MEMORY, "6.70", "6.7 گیگابایت"),
        (MEMORY, "1,200", "1200 گیگابایت"),
        (MEMORY, "−۲", "-2 گیگابایت"),
        (MEMORY, "", ""),
        (Spec("دور", "number"), "0012", "12"),
        (COLOUR, "نقره ای", "نقره‌ای"),
        (COLOUR, "مشكي", "مشکی"),
        (BLUETOOTH, "دارد", "دارد"),
        (Spec("قالب"), "  EPUB،   PDF ", "EPUB، PDF"),
    ],
)
def test_a_value_is_stored_in_one_form(spec: Spec, typed: str, value: str) -> None:
    assert specs.read_value(spec, typed) == (value, "")


@pytest.mark.parametrize(
    ("spec", "typed", "says"),
    [
        (MEMORY, "سی و دو", "عدد نیست"),
        (MEMORY, "1e9", "عدد نیست"),
        (MEMORY, "32 متر", "عدد نیست"),
        (MEMORY, "1.2.3", "عدد نیست"),
        (COLOUR, "بنفش", "باید یکی از این‌ها باشد: مشکی، سفید، نقره‌ای."),
        (BLUETOOTH, "شاید", "باید یکی از این‌ها باشد: دارد، ندارد."),
        (Spec("قالب"), "<script>alert(1)</script>", "کد HTML دارد"),
        (Spec("قالب"), "=HYPERLINK(1)", "صفحه گسترده"),
        (Spec("قالب"), "a\x01b", "نویسه کنترلی"),
        (Spec("قالب"), "ا" * 501, "بیش از اندازه بلند"),
    ],
)
def test_what_is_no_value_is_refused_with_the_way_out(spec: Spec, typed: str, says: str) -> None:
    value, fault = specs.read_value(spec, typed)
    assert value == "" and says in fault


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_value_that_reads_as_itself_or_is_refused(typed: str) -> None:
    for spec in (MEMORY, COLOUR, BLUETOOTH, Spec("متن")):
        value, fault = specs.read_value(spec, typed)
        assert not (value and fault)
        if value:
            assert specs.read_value(spec, specs.in_box(spec, value)) == (value, "")


def test_bidi_marks_are_taken_out_and_sql_is_a_text_like_any_other() -> None:
    assert specs.read_value(Spec("قالب"), "‮PDF⁩ '; DROP TABLE--") == ("PDF '; DROP TABLE--", "")


def test_specifications_come_in_the_order_of_the_category_each_with_its_source() -> None:
    read = specs.read_specs(
        [MEMORY, COLOUR],
        [
            Given("جلد", "سیلیکونی"),
            Given("رنگ بدنه", "سفید", "editorial"),
            Given("حافظه", "۳۲", "manufacturer", "دفترچه، ص ۴"),
            Given("", ""),
        ],
        {},
    )
    assert list(read.values.items()) == [("حافظه", "32 گیگابایت"), ("رنگ بدنه", "سفید"), ("جلد", "سیلیکونی")]
    assert read.sources == {"حافظه": ["manufacturer", "دفترچه، ص ۴"], "رنگ بدنه": ["editorial", ""]}
    assert read.faults == {}


def test_everything_that_is_wrong_with_the_specifications_is_told_at_once() -> None:
    read = specs.read_specs(
        [MEMORY],
        [
            Given("حافظه", " "),
            Given("قالب", "EPUB", "hearsay"),
            Given("", "بی نام"),
            Given("قالب", "PDF"),
            Given("وزن", "۲۰۰", "", "دفترچه"),
        ],
        {},
    )
    assert {place: set(parts) for place, parts in read.faults.items()} == {
        0: {"value"}, 1: {"reference"}, 2: {"name"}, 4: {"reference"},
    }  # fmt: skip
    assert "لازم است" in read.faults[0]["value"]
    twice = specs.read_specs([], [Given("قالب", "PDF"), Given("قالب", "EPUB")], {})
    assert twice.faults == {1: {"name": "این نام دو بار آمده است؛ یکی را پاک کنید."}}
    many = specs.read_specs([], [Given(f"نام {n}", "x") for n in range(61)], {})
    assert "بیش از ۶۰ مشخصه" in many.faults[60]["name"]


def test_what_stood_there_before_its_kind_was_told_may_stay() -> None:
    before = {"حافظه": "دو کارت ۱۶ گیگابایتی"}
    assert specs.read_specs([MEMORY], [Given("حافظه", before["حافظه"])], before).values == before
    assert specs.read_specs([MEMORY], [Given("حافظه", "سه کارت")], before).faults[0]["value"].startswith("عدد نیست")


def test_a_category_asks_for_what_those_above_it_ask_for_unless_it_says_otherwise() -> None:
    lower = Spec("حافظه", "choice", choices=("16", "32"))
    assert specs.inherited([[MEMORY, COLOUR], [lower, BLUETOOTH]]) == [lower, COLOUR, BLUETOOTH]
    assert specs.missing([MEMORY, COLOUR], {"رنگ بدنه": "سفید"}) == ["حافظه"]


@pytest.mark.parametrize(
    "cell",
    [
        "[]", "1", '{"رم": 5}', '{"رم": ["hearsay", ""]}', '{"رم": ["editorial"]}', '{"رم": ["editorial", {"a": 1}]}',
        '{"رم": ["editorial", "<b>"]}', '{"": ["editorial", ""]}', '{"رم": ["editorial", ""], "رم": ["editorial", ""]}',
        "[" * 9000, '{"a":' * 3000, '{"رم": ["editorial", NaN]}', '{"رم": ["editorial", "' + "ا" * 301 + '"]}',
    ],
)  # fmt: skip
def test_sources_of_a_file_that_are_none_are_refused(cell: str) -> None:
    assert specs.parse_sources(cell).reasons == ("sources_invalid",)


def test_sources_of_a_file_are_read_as_they_were_written() -> None:
    told = {"رم": ["manufacturer", "دفترچه"], "وزن": ["editorial", ""]}
    assert specs.parse_sources(json.dumps(told)).value == told
    assert specs.parse_sources('{"رم": "distributor"}').value == {"رم": ["distributor", ""]}
    assert specs.parse_sources("").value == specs.parse_sources(None).value == {}


# ---- What is typed of goods ----


def product(**typed: str) -> goods.Reader:
    plain = {"title": "گوشی", "slug": "phone", "category": "phones", "brand": "samsung"}
    return goods.read_product({**plain, **typed})


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("title", "", "عنوان خالی است"),
        ("title", "ا" * 251, "۲۵۰ نویسه"),
        ("title", "<b>گوشی</b>", "کد HTML دارد"),
        ("slug", "گوشی", "نشانی تنها از حرف‌های کوچک لاتین"),
        ("slug", "a--b", "نشانی تنها"),
        ("slug", "../etc", "نشانی تنها"),
        ("slug", "a" * 91, "نشانی تنها"),
        ("description", "ا" * 4001, "بیش از ۴۰۰۰ نویسه است"),
        ("weight_g", "سنگین", "وزن را به گرم"),
        ("weight_g", "-5", "بیش از صفر"),
        ("age_mark", "+5", "رده سنی را یکی از"),
        ("category", "", "دسته را برگزینید"),
        ("tint", "v9", "رنگ‌مایه را از فهرست"),
        ("model", "a\x00b", "نویسه کنترلی"),
    ],
)
def test_what_is_wrong_with_a_product_is_named_by_its_field(field: str, typed: str, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        product(**{field: typed}).done()
    assert list(refused.value.fields) == [field] and says in refused.value.fields[field]


def test_a_product_is_read_in_the_digits_and_letters_of_any_keyboard() -> None:
    values = product(title="گوشي ٥ كاره", slug=" Phone-۵ ", weight_g="۱٫۲ کیلوگرم", age_mark="12+").done()
    assert (values["title"], values["slug"]) == ("گوشی ٥ کاره", "phone-5")
    assert (values["weight_g"], values["age_mark"]) == (1200, "+12")


@pytest.mark.parametrize(
    ("price", "list_price", "field"),
    [
        ("", "", "price"),
        ("رایگان", "", "price"),
        ("0", "", "price"),
        ("-5000", "", "price"),
        ("1000005", "", "price"),
        ("10000000000000000000", "", "price"),
        ("5000000", "4000000", "list_price"),
        ("500000", "5000000", "price"),
    ],
)
def test_a_first_price_is_never_guessed(price: str, list_price: str, field: str) -> None:
    reader = goods.read_variant({"price_basis": "market", "price": price, "list_price": list_price, "sku": "A-1"})
    goods.read_first_price(reader)
    with pytest.raises(Invalid) as refused:
        reader.done()
    assert list(refused.value.fields) == [field]


@pytest.mark.clause("D117")
def test_whoever_sets_the_basis_of_a_price_says_what_it_rests_on() -> None:
    bare = {"price_basis": "approved", "price_reference": ""}
    assert "مصوب کرده است" in goods.check_basis(bare, None)["price_reference"]
    market = {"price_basis": "market", "price_reference": ""}
    assert "هم‌سان" in goods.check_basis(market, bare)["price_reference"]
    told = {"price_basis": "approved", "price_reference": "نامه سازمان حمایت"}
    assert goods.check_basis(bare, told)["price_reference"]
    assert goods.check_basis(told, None) == goods.check_basis(told, bare) == {}
    assert goods.check_basis(bare, bare) == {}  # it came from a file without one


@pytest.mark.clause("D113")
def test_who_corrects_what_somebody_bought_by_says_why() -> None:
    assert goods.check_why(" سازنده اصلاح کرد ", is_needed=True) == "سازنده اصلاح کرد"
    assert goods.check_why("", is_needed=False) == ""
    for typed in ("", " ", "-", "ب"):
        with pytest.raises(goods.WhyNeeded):
            goods.check_why(typed, is_needed=True)
    with pytest.raises(Invalid):
        goods.check_why("ا" * 301, is_needed=False)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": "", "kind": "text"}, "name"),
        ({"name": "رم", "kind": "colour"}, "kind"),
        ({"name": "رم", "kind": "choice", "choices": "مشکی"}, "choices"),
        ({"name": "رم", "kind": "choice", "choices": "،".join(map(str, range(61)))}, "choices"),
        ({"name": "<i>رم", "kind": "text"}, "name"),
    ],
)
def test_a_specification_of_a_category_is_read_or_refused(typed: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        goods.read_attribute(typed, category="phones")
    assert list(refused.value.fields) == [field]


def test_a_specification_keeps_only_what_its_kind_has() -> None:
    typed = {"name": "رم", "kind": "number", "unit": "گیگابایت", "choices": "الف، ب", "is_required": "1"}
    assert goods.read_attribute(typed, category="phones") == Spec(
        "رم", "number", "گیگابایت", (), is_required=True, category="phones"
    )


# ---- What is remembered ----


def test_what_changed_is_told_name_by_name() -> None:
    old = {
        "title": "گوشی", "weight_g": 200, "attributes": {"رم": "8", "رنگ": "سفید"},
        "sources": {"رم": ["editorial", ""]},
    }  # fmt: skip
    new = {
        "title": "گوشی", "weight_g": None, "attributes": {"رم": "12", "نور": "گرم"},
        "sources": {"رم": ["manufacturer", "دفترچه"]},
    }  # fmt: skip
    assert differences(old, new) == [
        Difference("weight_g", "200", ""),
        Difference("attributes/رم", "8", "12"),
        Difference("attributes/رنگ", "سفید", ""),
        Difference("attributes/نور", "", "گرم"),
        Difference("sources/رم", "بررسی خودمان", "سازنده: دفترچه"),
    ]


@pytest.mark.clause("D113")
@pytest.mark.parametrize(
    ("found", "corrects"),
    [
        (Difference("attributes/رم", "8", "12"), True),
        (Difference("attributes/رم", "8", ""), True),
        (Difference("weight_g", "200", "210"), True),
        (Difference("attributes/رم", "", "12"), False),
        (Difference("title", "گوشی", "گوشی نو"), False),
        (Difference("sources/رم", "سازنده", "بررسی خودمان"), False),
    ],
)
def test_a_correction_changes_a_specification_that_stood_there(found: Difference, corrects: bool) -> None:
    assert changes.corrects(found) is corrects


def test_fields_have_words() -> None:
    assert [field_words(name) for name in ("attributes/رم", "sources/رم", "weight_g")] == ["رم", "منبع رم", "وزن (گرم)"]
