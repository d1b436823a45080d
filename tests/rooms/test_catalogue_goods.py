"""Goods as staff write them: acts that leave their history, two people at once, and nothing lost."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from peyman.entrypoints.jobs.invariants import CHECKS
from peyman.kernel.errors import Invalid, Missing
from peyman.shop.catalog.actions import goods, tree
from peyman.shop.catalog.models import (
    Brand,
    CatalogChange,
    Category,
    Edition,
    FormerSlug,
    PriceChange,
    Product,
    Variant,
)
from peyman.shop.catalog.queries import goods as queries
from peyman.shop.catalog.queries import search
from peyman.shop.catalog.queries.specs import specs_of
from peyman.shop.catalog.rules.changes import ChangedMeanwhile
from peyman.shop.catalog.rules.goods import WhyNeeded
from peyman.shop.catalog.rules.search.kinds import Kinds
from peyman.shop.catalog.rules.specs import Given
from peyman.shop.orders.queries.sold import has_orders, sold_products
from peyman.shop.stock.actions import count_many
from peyman.shop.stock.models import Stock
from tests import make
from tests.rooms.test_incomplete_orders import final_order
from tests.rooms.test_orders import ordered

pytestmark = pytest.mark.django_db

LATER = make.NOW + timedelta(days=1)
TYPED = {"title": "گوشی آلفا", "title_latin": "", "slug": "alpha", "category": "phones", "brand": "samsung"}


@pytest.fixture
def alpha() -> Product:
    return make.product(code="ALPHA", slug="alpha", title="گوشی آلفا", weight_g=None)


def save(*, seen: int | None = None, is_sold: bool = False, why: str = "", **typed: str) -> list[CatalogChange]:
    return goods.save_product(
        code="ALPHA",
        typed={**TYPED, **typed},
        seen=queries.last_seen("product", "ALPHA") if seen is None else seen,
        why=why,
        is_sold=is_sold,
        by="PER-1",
        now=LATER,
    )


def specify(*given: Given, seen: int | None = None, is_sold: bool = False, why: str = "") -> list[CatalogChange]:
    return goods.save_specs(
        code="ALPHA",
        given=given,
        seen=queries.last_seen("product", "ALPHA") if seen is None else seen,
        why=why,
        is_sold=is_sold,
        by="PER-1",
        now=LATER,
    )


def told(changes: list[CatalogChange]) -> list[tuple[str, str, str]]:
    return [(each.field, each.old, each.new) for each in changes]


def found(typed: str) -> list[str]:
    kinds = dict(Category.objects.values_list("pk", "title"))
    keys = search.find(typed, kinds=Kinds(kinds)).ranks
    return sorted(Product.objects.filter(pk__in=keys).values_list("code", flat=True))


def edition() -> int:
    return sum(Edition.objects.values_list("number", flat=True))


# ---- Products ----


def test_what_is_saved_is_told_with_who_when_and_why(alpha: Product) -> None:
    before = edition()
    changes = save(title="گوشی بتا", model="B1", weight_g="۲۰۰ گرم", why="سازنده نام را عوض کرد")
    assert told(changes) == [("title", "گوشی آلفا", "گوشی بتا"), ("model", "", "B1"), ("weight_g", "", "200")]
    row = CatalogChange.objects.first()
    assert row and (row.by, row.at, row.why) == ("PER-1", LATER, "سازنده نام را عوض کرد")
    assert (row.kind, row.key, row.product_id) == ("product", "ALPHA", alpha.pk)
    alpha.refresh_from_db()
    assert (alpha.title, alpha.weight_g, alpha.version) == ("گوشی بتا", 200, 2)
    assert edition() == before + 1


def test_what_changed_is_found_by_its_new_words_at_once(alpha: Product) -> None:
    save(title="گوشی زرافه")
    assert found("زرافه") == ["ALPHA"] and found("الفا") == []
    specify(Given("ضدآب", "تا سی متر"))
    assert found("ضداب") == ["ALPHA"]


def test_nothing_changed_leaves_no_trace(alpha: Product) -> None:
    before = edition()
    assert save() == [] == specify()
    alpha.refresh_from_db()
    assert (alpha.version, edition(), CatalogChange.objects.count()) == (1, before, 0)


def test_a_refused_form_changes_nothing(alpha: Product) -> None:
    with pytest.raises(Invalid) as refused:
        save(title="", slug="Z?", category="nowhere", brand="nobody", weight_g="x", drawing="none-such")
    assert set(refused.value.fields) == {"title", "slug", "category", "brand", "weight_g", "drawing"}
    alpha.refresh_from_db()
    assert (alpha.slug, CatalogChange.objects.count()) == ("alpha", 0)
    with pytest.raises(Missing):
        goods.save_product(code="NONE", typed=TYPED, seen=0, why="", is_sold=False, by="PER-1", now=LATER)


def test_a_former_address_leads_to_the_new_one_and_is_nobody_elses(alpha: Product) -> None:
    other = make.product(code="OTHER", slug="other", title="دیگری")
    save(slug="beta")
    assert (queries.moved_to("alpha"), queries.moved_to("beta")) == ("beta", "")
    for slug in ("alpha", "beta"):
        with pytest.raises(Invalid) as refused:
            goods.save_product(
                code=other.code, typed={**TYPED, "slug": slug}, seen=0, why="", is_sold=False, by="PER-1", now=LATER
            )
        assert list(refused.value.fields) == ["slug"]
    save(slug="gamma")
    assert queries.moved_to("alpha") == queries.moved_to("beta") == "gamma"
    save(slug="alpha")
    assert set(FormerSlug.objects.values_list("slug", flat=True)) == {"beta", "gamma"}
    made = goods.add_product(typed=new_product(title_latin="beta"), count_stock=count_many, by="PER-1", now=LATER)
    assert made.slug == "beta-new"


def test_the_second_of_two_editors_is_told_what_changed_meanwhile(alpha: Product) -> None:
    seen = queries.last_seen("product", "ALPHA")
    save(seen=seen, title="گوشی بتا")
    with pytest.raises(ChangedMeanwhile) as refused:
        save(seen=seen, model="B1")
    assert told(refused.value.details["since"]) == [("title", "گوشی آلفا", "گوشی بتا")]
    with pytest.raises(ChangedMeanwhile):
        specify(Given("رم", "8"), seen=seen)
    alpha.refresh_from_db()
    assert (alpha.title, alpha.model, alpha.attributes) == ("گوشی بتا", "", {})
    save(title="گوشی بتا", model="B1")
    assert Product.objects.get(code="ALPHA").model == "B1"


def test_pictures_stand_in_no_editors_way(alpha: Product) -> None:
    CatalogChange.objects.create(kind="product", key="ALPHA", product=alpha, field="media/1", by="x", at=LATER)
    assert told(save(seen=0, model="B1")) == [("model", "", "B1")]


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_at_the_same_moment_one_is_refused() -> None:
    make.product(code="ALPHA", slug="alpha", title="گوشی آلفا", weight_g=None)
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def edit(model: str) -> None:
        ready.wait()
        try:
            outcomes.append(save(seen=0, model=model)[0].new)
        except ChangedMeanwhile as refused:
            outcomes.append("after " + refused.details["since"][0].new)
        finally:
            connection.close()

    threads = [threading.Thread(target=edit, args=(model,)) for model in ("B1", "B2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = Product.objects.get(code="ALPHA").model
    assert sorted(outcomes) == sorted([first, f"after {first}"])
    assert CatalogChange.objects.count() == 1


# ---- Specifications, sources and corrections ----


@pytest.mark.clause("D113")
def test_each_specification_has_its_source_and_what_was_bought_by_is_corrected_with_a_reason(alpha: Product) -> None:
    specify(Given("رم", "8", "manufacturer", "دفترچه"), Given("رنگ", "سفید"))
    alpha.refresh_from_db()
    assert alpha.sources == {"رم": ["manufacturer", "دفترچه"]}
    assert not CatalogChange.objects.filter(is_correction=True).exists()

    corrected = [Given("رم", "12", "distributor", "برگه آوند"), Given("رنگ", "سفید"), Given("نور", "گرم")]
    with pytest.raises(WhyNeeded) as refused:
        specify(*corrected, is_sold=True)
    assert (refused.value.clause, list(refused.value.fields)) == ("D113", ["why"])
    alpha.refresh_from_db()
    assert alpha.attributes == {"رم": "8", "رنگ": "سفید"}

    specify(*corrected, is_sold=True, why="دفترچه نادرست بود")
    (row,) = queries.corrections("alpha").rows
    assert (row.field, row.old, row.new, row.source) == ("attributes/رم", "8", "12", "پخش‌کننده رسمی: برگه آوند")
    with pytest.raises(WhyNeeded):
        save(model="", weight_g="", is_sold=True) if save(model="A1", is_sold=True) else None
    assert told(specify(*corrected[1:], is_sold=True, why="این گوشی رم ندارد"))[0] == ("attributes/رم", "12", "")


def test_all_that_is_wrong_with_specifications_is_named_by_place(alpha: Product) -> None:
    tree.save_attribute(
        slug="phones", typed={"name": "رم", "kind": "number", "is_required": "1"}, seen=0, by="PER-1", now=LATER
    )
    with pytest.raises(Invalid) as refused:
        specify(Given("رم", ""), Given("<b>", "x"), Given("رنگ", "\x07"))
    assert set(refused.value.fields) == {"0-value", "1-name", "2-value"}
    assert "لازم" in refused.value.fields["0-value"]


@pytest.mark.clause("D113")
def test_goods_are_sold_once_an_order_of_them_is_final(alpha: Product) -> None:
    variant = make.variant(product=alpha, sku="A-01")
    assert (sold_products([alpha.pk]), has_orders("A-01")) == (set(), False)
    ordered(variant=variant)
    assert (sold_products([alpha.pk]), has_orders("A-01")) == (set(), True)
    final_order(variant=variant)
    assert sold_products([alpha.pk, 0]) == {alpha.pk}


# ---- New products and variants ----


def new_product(**typed: str) -> dict[str, str]:
    plain = {
        "code": "new",
        "title": "کتری نو",
        "title_latin": "New kettle",
        "category": "phones",
        "brand": "samsung",
        "sku": "new-01",
        "price": "۵۰۰٬۰۰۰ تومان",
        "price_basis": "approved",
        "price_reference": "فهرست سازنده",
        "color": "سفيد",
        "position": "۱",
    }
    return {**plain, **typed}


@pytest.mark.clause("D117", "D122")
def test_a_new_product_comes_with_its_first_variant_price_and_an_empty_store() -> None:
    make.category()
    make.brand()
    made = goods.add_product(typed=new_product(), count_stock=count_many, by="PER-1", now=LATER)
    variant = Variant.objects.get()
    assert (made.code, made.slug, variant.sku, variant.color) == ("NEW", "new-kettle", "NEW-01", "سفید")
    assert (variant.price, variant.list_price, variant.price_basis) == (5_000_000, 5_000_000, "approved")
    assert variant.price_reference == "فهرست سازنده"
    assert list(PriceChange.objects.values_list("price", "reason", "by", "at")) == [(5_000_000, "list", "PER-1", LATER)]
    assert list(Stock.objects.values_list("initial", "on_hand", "allocated")) == [(0, 0, 0)]
    assert told(list(CatalogChange.objects.all())) == [("created", "", "کتری نو")]
    assert found("کتری سفید") == ["NEW"]
    with pytest.raises(Invalid) as refused:
        goods.add_product(typed=new_product(), count_stock=count_many, by="PER-1", now=LATER)
    assert set(refused.value.fields) == {"code", "sku"}
    with pytest.raises(Invalid) as refused:
        goods.add_product(typed={"price_basis": ""}, count_stock=count_many, by="PER-1", now=LATER)
    assert set(refused.value.fields) == {"code", "title", "category", "brand", "sku", "price", "price_basis"}
    assert (Product.objects.count(), Variant.objects.count()) == (1, 1)


@pytest.mark.clause("D117")
def test_a_variant_is_added_and_saved_with_what_its_price_rests_on(alpha: Product) -> None:
    typed = {name: new_product()[name] for name in ("sku", "price", "price_basis", "color")}
    with pytest.raises(Invalid) as refused:
        goods.add_variant(code="ALPHA", typed=typed, count_stock=count_many, by="PER-1", now=LATER)
    assert list(refused.value.fields) == ["price_reference"]
    typed["price_reference"] = "مانند گوشی بتا در بازار"
    made = goods.add_variant(code="ALPHA", typed=typed, count_stock=count_many, by="PER-1", now=LATER)
    changes = goods.save_variant(
        sku=made.sku,
        typed={**typed, "price_basis": "market", "warranty": "۱۸ ماه"},
        seen=queries.last_seen("variant", made.sku),
        why="",
        by="PER-1",
        now=LATER,
    )
    assert told(changes) == [("warranty", "", "۱۸ ماه"), ("price_basis", "approved", "market")]
    assert [(row.kind, row.key, row.product_id) for row in changes] == [("variant", "NEW-01", alpha.pk)] * 2
    alpha.refresh_from_db()
    assert alpha.version == 3
    with pytest.raises(ChangedMeanwhile):
        goods.save_variant(sku=made.sku, typed=typed, seen=0, why="", by="PER-1", now=LATER)


# ---- Categories, what they ask for, and brands ----


def branch(slug: str, title: str, parent: str = "") -> Category:
    return tree.add_category(
        typed={"slug": slug, "title": title, "parent": parent, "drawing": ""}, by="PER-1", now=LATER
    )


def move(slug: str, *, title: str, parent: str = "", drawing: str = "box") -> list[CatalogChange]:
    seen = queries.last_seen("category", slug)
    typed = {"title": title, "parent": parent, "drawing": drawing}
    return tree.save_category(slug=slug, typed=typed, seen=seen, why="", by="PER-1", now=LATER)


@pytest.fixture
def house() -> None:
    branch("house", "ویلا")
    branch("kitchen", "آشپزخانه", "house")
    branch("kettles", "کتری", "kitchen")
    branch("garden", "باغ")


def paths() -> dict[str, tuple[str, int]]:
    return {row.slug: (row.path, row.level) for row in Category.objects.all()}


def test_a_renamed_category_takes_the_paths_and_the_words_of_all_below_along(house: None) -> None:
    make.product(code="K1", title="دم‌کن", category=Category.objects.get(slug="kettles"))
    assert told(move("house", title="سرا")) == [("title", "ویلا", "سرا")]
    assert paths() == {
        "house": ("سرا", 1),
        "kitchen": ("سرا > آشپزخانه", 2),
        "kettles": ("سرا > آشپزخانه > کتری", 3),
        "garden": ("باغ", 1),
    }
    assert found("سرا") == ["K1"] and found("ویلا") == []
    assert Product.objects.get().version == 2


def test_a_category_moves_with_all_below_it_but_never_below_itself(house: None) -> None:
    for parent in ("house", "kitchen", "kettles"):
        with pytest.raises(Invalid) as refused:
            move("house", title="ویلا", parent=parent)
        assert list(refused.value.fields) == ["parent"]
    with pytest.raises(Invalid) as refused:
        move("house", title="ویلا", parent="garden")  # with two levels below it
    assert "سه پایه" in refused.value.fields["parent"]
    assert told(move("kettles", title="کتری", parent="garden")) == [("parent", "ویلا > آشپزخانه", "باغ")]
    assert paths()["kettles"] == ("باغ > کتری", 2)
    move("house", title="ویلا", parent="garden")
    assert paths()["kitchen"] == ("باغ > ویلا > آشپزخانه", 3)
    assert [row.slug for row in queries.tree()] == ["garden", "kettles", "house", "kitchen"]


def test_sisters_have_titles_of_their_own_and_no_title_looks_like_a_path(house: None) -> None:
    for title, field in (("آشپز‌خانه", "title"), ("الف > ب", "title"), ("", "title"), ("ا" * 121, "title")):
        with pytest.raises(Invalid) as refused:
            branch("fresh", title, "house")
        assert list(refused.value.fields) == [field]
    with pytest.raises(Invalid) as refused:
        branch("house", "دیگر")
    assert list(refused.value.fields) == ["slug"]
    with pytest.raises(Invalid) as refused:
        branch("deep", "ژرف", "kettles")
    assert list(refused.value.fields) == ["parent"]
    assert Category.objects.count() == 4


def test_a_category_asks_its_goods_and_those_below_it(house: None) -> None:
    def ask(slug: str, **typed: str) -> None:
        seen = queries.last_seen("category", slug)
        tree.save_attribute(slug=slug, typed={"kind": "text", **typed}, seen=seen, by="PER-1", now=LATER)

    ask("house", name="جنس", is_required="1")
    ask("kettles", name="گنجایش", kind="number", unit="لیتر")
    ask("kettles", name="صدا", kind="flag", position="5")
    kettles = Category.objects.get(slug="kettles")
    assert [(spec.name, spec.category) for spec in specs_of(kettles)] == [
        ("جنس", "house"), ("صدا", "kettles"), ("گنجایش", "kettles"),
    ]  # fmt: skip
    ask("kettles", name="گنجایش", kind="choice", choices="یک، دو")
    assert specs_of(kettles)[2].choices == ("یک", "دو")
    tree.remove_attribute(slug="kettles", name="صدا", by="PER-1", now=LATER)
    assert [spec.name for spec in specs_of(kettles)] == ["جنس", "گنجایش"]
    changes = queries.history(kind="category", key="kettles").rows
    assert [(row.field, row.old, row.new) for row in changes][:2] == [
        ("attributes/صدا", "دارد یا ندارد، جای 5", ""),
        ("attributes/گنجایش", "عدد، لیتر، جای 10", "گزینه، یک / دو، جای 10"),
    ]
    with pytest.raises(ChangedMeanwhile):
        tree.save_attribute(slug="kettles", typed={"name": "نو", "kind": "text"}, seen=0, by="PER-1", now=LATER)
    with pytest.raises(Missing):
        tree.remove_attribute(slug="kettles", name="صدا", by="PER-1", now=LATER)


def test_a_brand_is_found_by_all_its_names_and_shares_none() -> None:
    make.product(code="K1", title="دم‌کن", brand=make.brand(slug="pars", name="پارس", name_latin="Pars"))
    make.brand()
    typed = {"name": "پارس‌خزر", "name_latin": "Pars Khazar", "country": "ایران", "aliases": "خزر، pars-khazar"}
    changes = tree.save_brand(slug="pars", typed=typed, seen=0, why="", by="PER-1", now=LATER)
    assert [row.field for row in changes] == ["name", "name_latin", "country", "aliases"]
    assert found("خزر") == ["K1"]
    for field in ("name", "name_latin", "aliases"):
        with pytest.raises(Invalid) as refused:
            tree.add_brand(typed={"slug": "x", "name": "ایکس", field: "SAMSUNG"}, by="PER-1", now=LATER)
        assert "سامسونگ" in refused.value.fields[field]
    made = tree.add_brand(typed={"slug": "Snowa", "name": "اسنوا"}, by="PER-1", now=LATER)
    assert (made.slug, Brand.objects.count()) == ("snowa", 3)


# ---- What must be true of them at every moment ----


@pytest.mark.parametrize(
    ("check", "breaks"),
    [
        ("categories_stand_where_their_paths_say", lambda: Category.objects.filter(level=2).update(path="باغ")),
        ("categories_stand_where_their_paths_say", lambda: Category.objects.filter(level=1).update(level=2)),
        ("sources_vouch_for_what_is_there", lambda: Product.objects.update(attributes={})),
        ("sources_vouch_for_what_is_there", lambda: Product.objects.update(sources={"رم": ["hearsay", ""]})),
        ("former_addresses_are_nobodys", lambda: Product.objects.update(slug="alpha")),
    ],
)
def test_what_acts_keep_true_is_looked_after(alpha: Product, house: None, check: str, breaks: Any) -> None:
    specify(Given("رم", "8", "manufacturer"))
    save(slug="beta")
    assert CHECKS[check](LATER).checked > 0 and CHECKS[check](LATER).bad == []
    breaks()
    assert CHECKS[check](LATER).bad != []


# ---- What the desk reads ----


def test_the_list_finds_goods_with_a_variant_that_ran_out_or_was_never_counted() -> None:
    whole, part, uncounted, gone = (make.product(code=code) for code in "ABCD")
    for product, left in ((whole, (3, 1)), (part, (3, 0)), (uncounted, (3,)), (gone, (0,))):
        for place, pieces in enumerate(left, 1):
            make.variant(sku=f"{product.code}-0{place}", product=product, on_hand=pieces)
    Variant.objects.create(sku="C-02", product=uncounted, price=1_000_000, list_price=1_000_000, price_basis="market")
    make.variant(sku="A-03", product=whole, on_hand=0, is_on_sale=False)
    found = {
        shelf: {each.code for each in queries.goods_of(queries.Sift(shelf=shelf))} for shelf in ("out", "part_out")
    }
    assert found == {"out": {"D"}, "part_out": {"B", "C"}}


def test_a_source_said_for_all_specifications_of_a_variant_is_a_source_and_a_weight_is_missed() -> None:
    make.variant(sku="A-01", product=make.product(code="A", attributes={"رم": "8"}), spec_source="manufacturer")
    make.variant(sku="B-01", product=make.product(code="B", attributes={"رم": "8"}, weight_g=None))
    found = {
        shelf: [each.code for each in queries.goods_of(queries.Sift(shelf=shelf))]
        for shelf in ("no_source", "no_weight")
    }
    assert found == {"no_source": ["B"], "no_weight": ["B"]}


def test_the_list_is_sifted_by_what_is_asked() -> None:
    phones, books = make.category(), make.category(slug="books", title="کتاب")
    sony = make.brand(slug="sony", name="سونی", name_latin="Sony")
    make.variant(sku="A-01", product=make.product(code="A", title="گوشی آلفا", picture="k1"))
    make.variant(sku="B-01", on_hand=0, product=make.product(code="B", title="گوشی بتا", brand=sony))
    make.variant(
        sku="C-01",
        price_reference="فهرست",
        product=make.product(
            code="C", title="کتاب", category=books, is_on_sale=False, attributes={"قطع": "رقعی"},
            sources={"قطع": ["editorial", ""]},
        ),
    )  # fmt: skip

    def listed(**asked: Any) -> list[str]:
        return [row.code for row in queries.goods_page(queries.Sift(**asked)).rows]

    assert listed() == ["C", "B", "A"]
    assert (listed(category=phones.slug), listed(brand="sony"), listed(category="none")) == (["B", "A"], ["B"], [])
    assert (listed(shelf="on"), listed(shelf="off"), listed(shelf="out")) == (["B", "A"], ["C"], ["B"])
    assert (listed(shelf="no_picture"), listed(shelf="no_source")) == (["C", "B"], ["B", "A"])
    assert listed(shelf="no_reference") == ["B", "A"]
    assert (listed(shelf="no_text"), listed(shelf="no_specs")) == (["C", "B", "A"], ["B", "A"])
    assert (listed(q="گوشي"), listed(q="b-01"), listed(q="گوشی", brand="sony")) == (["B", "A"], ["B"], ["B"])
    assert listed(q="%_'\"<b>") == []


@pytest.mark.parametrize("count", [1, 30])
def test_the_list_costs_the_same_queries_whatever_it_holds(count: int, django_assert_num_queries: Any) -> None:
    for n in range(count):
        make.variant(product=make.product(title=f"گوشی {n}"))
    with django_assert_num_queries(4):  # how many, which, the products, their variants
        assert len(queries.goods_page(queries.Sift()).rows) == count
