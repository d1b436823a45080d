"""Goods by the API: lists, facets, pages by key, one product; carriers; the terms in force."""

import pytest

from peyman.shop.catalog.models import CategoryAttribute
from peyman.shop.catalog.queries import marks
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _terms():
    make.terms()


def listed(client, **asked):
    response = client.get("/api/v1/products", asked)
    assert response.status_code == 200, response.content.decode()
    return response.json()


def test_a_product_comes_with_all_its_variants_prices_in_rials_and_live_stock(client):
    product = make.product(title="کفش پیاده‌روی")
    first = make.variant(product=product, color="سبز", price=9_000_000, list_price=10_000_000, on_hand=5, allocated=2)
    second = make.variant(product=product, color="سیاه", on_hand=0)
    make.variant(product=product, color="زرد", is_on_sale=False)
    variants = [
        {"sku": first.sku, "title": "سبز", "price": 9_000_000, "list_price": 10_000_000, "available": 3},
        {"sku": second.sku, "title": "سیاه", "price": 1_000_000, "list_price": 1_000_000, "available": 0},
    ]
    plain = {"slug": product.slug, "title": "کفش پیاده‌روی", "picture": [], "variants": variants}
    assert listed(client)["items"] == [plain]
    whole = client.get(f"/api/v1/products/{product.slug}").json()
    assert whole["variants"][:2] == variants
    assert whole["variants"][2]["available"] == 0
    assert whole["title"] == "کفش پیاده‌روی"
    assert (whole["picture"], whole["gallery"]) == ([], [])


def test_a_product_comes_with_its_pictures_and_films_and_they_cost_no_query(client, settings):
    settings.PUBLIC_URL = "https://shop.example"
    a, b = "a" * 40, "b" * 40
    shots = [
        {"key": b, "alt": "کفش در راه", "w": 640, "h": 360, "kind": "mp4", "color": "", "poster": a},
        {"key": a, "alt": "کفش سبز", "w": 500, "h": 400, "kind": "picture", "color": "سبز"},
    ]
    product = make.product(picture=a, gallery=shots)
    make.variant(product=product)
    faces = [{"url": f"https://shop.example/media/{a}-{width}.webp", "width": width} for width in (160, 320, 640)]
    assert listed(client)["items"][0]["picture"] == faces
    whole = client.get(f"/api/v1/products/{product.slug}").json()
    assert whole["picture"] == faces
    assert whole["gallery"] == [
        {
            "kind": "video", "alt": "کفش در راه", "color": "", "width": 640, "height": 360, "pictures": faces,
            "video": f"https://shop.example/media/{b}.mp4",
        },
        {
            "kind": "picture", "alt": "کفش سبز", "color": "سبز", "width": 500, "height": 400, "video": None,
            "pictures": [*faces[:2], {"url": f"https://shop.example/media/{a}-640.webp", "width": 500}],
        },
    ]  # fmt: skip


def test_the_list_pages_by_key_without_a_gap_or_a_repeat(client):
    for _ in range(5):
        make.variant()
    seen, after = [], ""
    for _ in range(3):
        page = listed(client, limit=2, after=after)
        seen += [item["slug"] for item in page["items"]]
        after = page["next"]
    assert after is None
    assert len(seen) == len(set(seen)) == 5


def test_the_list_is_narrowed_sorted_and_says_how_else_it_could_be(client):
    phones, books = make.category(), make.category(slug="books", title="کتاب")
    cheap = make.variant(product=make.product(category=phones), price=1_000_000)
    dear = make.variant(product=make.product(category=phones), price=3_000_000)
    make.variant(product=make.product(category=books), price=2_000_000)
    page = listed(client, category="phones", sort="dearest")
    assert [item["variants"][0]["sku"] for item in page["items"]] == [dear.sku, cheap.sku]
    facets = listed(client)["facets"]
    assert {(facet["slug"], facet["count"]) for facet in facets["categories"]} == {("phones", 2), ("books", 1)}
    assert (facets["price_min"], facets["price_max"], facets["available"]) == (1_000_000, 3_000_000, 3)


def test_only_what_can_be_bought_where_asked(client):
    there = make.variant(on_hand=1)
    make.variant(on_hand=0)
    page = listed(client, available="true")
    assert [item["variants"][0]["sku"] for item in page["items"]] == [there.sku]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "random"), ("limit", "0"), ("limit", "101"), ("limit", "x"),
        ("q", "a\x00b"), ("q", "x" * 201), ("available", "maybe"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_by_name(client, name, value):
    response = client.get("/api/v1/products", {name: value})
    assert response.status_code == 422
    assert list(response.json()["fields"]) == [name]


@pytest.mark.parametrize("after", ["x", "!!!", "WyJuZXdlc3QiXQ", "eyJhIjoxfQ", "x" * 200])
def test_a_key_of_nothing_begins_at_the_start(client, after):
    make.variant()
    assert len(listed(client, after=after)["items"]) == 1


def test_what_is_not_there_is_404(client):
    for path in ("/products/nothing", "/products/%00", "/products?category=nothing"):
        response = client.get(f"/api/v1{path}")
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("many", [2, 20])
def test_the_list_costs_the_same_queries_whatever_its_size(client, many, django_assert_num_queries):
    for _ in range(many):
        make.variant()
    listed(client)  # takes the lease of the limit
    marks.forget()
    # mark, categories, offers, brands, products, variants, and then as below: pieces left, variants
    with django_assert_num_queries(8):
        listed(client)
    with django_assert_num_queries(3):  # mark, pieces left, variants
        listed(client)


@pytest.mark.clause("D68")
def test_carriers_are_those_that_go_there(client):
    make.carrier(slug="post", position=1)
    make.carrier(slug="courier", title="پیک", reach="tehran", fee=1_450_000, position=0)
    everywhere = client.get("/api/v1/carriers").json()["items"]
    assert [carrier["slug"] for carrier in everywhere] == ["courier", "post"]
    tehran = client.get("/api/v1/carriers", {"province": "تهران", "city": "تهران"}).json()["items"]
    assert tehran[0] == {"slug": "courier", "title": "پیک", "note": "", "fee": 1_450_000, "is_express": False}
    elsewhere = client.get("/api/v1/carriers", {"province": "اصفهان", "city": "اصفهان"}).json()["items"]
    assert [carrier["slug"] for carrier in elsewhere] == ["post"]


@pytest.mark.clause("D03")
def test_the_version_of_the_terms_in_force_is_told_with_its_hash_and_numbers(client):
    version = make.terms()
    told = client.get("/api/v1/terms").json()
    assert told["version"] == 1
    assert told["sha256"] == version.sha256
    assert told["parameters"]["payment_minutes"] == 20
    assert told["url"].endswith("/terms/1/")


def test_goods_are_narrowed_by_what_they_are_and_each_value_says_what_to_send(client):
    category = make.category()
    CategoryAttribute.objects.create(category=category, name="رم", kind="text", is_filter=True)
    for ram in ("8 گیگابایت", "8 گیگابایت", "12 گیگابایت"):
        make.variant(product=make.product(attributes={"رم": ram}))
    page = listed(client, category="phones")
    assert page["facets"]["specs"] == [
        {
            "name": "رم",
            "values": [
                {"slug": "رم:8 گیگابایت", "title": "8 گیگابایت", "count": 2, "chosen": False},
                {"slug": "رم:12 گیگابایت", "title": "12 گیگابایت", "count": 1, "chosen": False},
            ],
            "more": 0,
        }
    ]
    assert (page["passed_over"], len(page["items"])) == ([], 3)
    narrowed = listed(client, category="phones", spec=["رم:۸ گيگابايت", "وزن:1"])
    assert (narrowed["passed_over"], len(narrowed["items"])) == (["وزن:1"], 2)
    assert [value["chosen"] for value in narrowed["facets"]["specs"][0]["values"]] == [True, False]
    assert len(listed(client, category="phones", spec=["رم:8 گیگابایت", "رم:10.."])["items"]) == 3
    assert listed(client)["facets"]["specs"] == []


@pytest.mark.parametrize("spec", [["رم:1"] * 25, ["ا" * 201], ["رم:\x00"]])
def test_too_many_values_and_what_is_no_text_are_refused(client, spec):
    response = client.get("/api/v1/products", {"category": "phones", "spec": spec})
    assert response.status_code in (400, 422), response.content.decode()
    assert response.json()["code"]
