"""What every page keeps to: strict CSP, one h1, Persian letters and digits, a name for everything, a small weight."""

import gzip
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client

from peyman.promises.models import TermsVersion
from peyman.shop.carts.models import CartLine
from peyman.shop.orders import actions as orders
from peyman.shop.orders.rules.form import Buyer, Delivery
from peyman.shop.shipping import queries as shipping
from tests import make
from tests.make import NOW

STATIC = Path(__file__).resolve().parents[2] / "src/peyman/entrypoints/storefront/static"
BUDGET = 100_000  # bytes of a first page view, compressed, pictures of goods apart

VISITOR = {
    "home": "/",
    "goods": "/goods/",
    "search": "/goods/?q=کتاب&available=1&min=1000",
    "nothing found": "/goods/?q=یخچال",
    "product": "/goods/reader-a6/",
    "gone": "/goods/gone/",
    "cart": "/cart/",
    "terms": "/terms/",
    "version": "/terms/1/",
    "log-in": "/login/",
    "report": "/privacy/report/",
    "rights": "/rights/",
    "inbox": "/sandbox/inbox",
    "not found": "/nothing/",
}
BUYER = {
    "cart": "/cart/",
    "checkout": "/checkout/",
    "orders": "/orders/",
    "order": "/orders/{order}/",
    "other's order": "/orders/ORD-0000/",
    "account": "/account/",
    "book": "/account/book/",
    "sessions": "/account/sessions/",
    "my data": "/account/data/",
    "report": "/privacy/report/",
}


class Page(HTMLParser):
    """What a page is made of, as far as rules speak of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.prose: list[str] = []
        self._open: list[str] = []
        self._machine = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.tags.append((tag, told))
        if tag in ("bdi", "title", "script") or "mono" in told.get("class", "") or told.get("lang") == "en":
            self._open.append(tag)
            self._machine += 1
        elif tag not in ("meta", "link", "input", "br", "use", "path", "line", "rect", "circle", "img"):
            self._open.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "link", "input", "br", "use", "path", "line", "rect", "circle", "img") and self._open:
            self._machine -= bool(self._open.pop())

    def handle_data(self, data: str) -> None:
        if not self._machine and data.strip():
            self.prose.append(data.strip())

    def all(self, *names: str) -> list[dict[str, str]]:
        return [attrs for tag, attrs in self.tags if tag in names]


@pytest.fixture
def shelf(shop: TermsVersion) -> None:
    reader = make.product(
        title="کتاب‌خوان آوند A6، صفحه 6 اینچ", title_latin="Avand A6", slug="reader-a6", weight_g=158,
        attributes={"باتری": "2,800 میلی‌آمپرساعت", "اتصال": "USB-C"},
    )  # fmt: skip
    make.variant(product=reader, color="سرمه‌ای", price=98_400_000, list_price=112_000_000)
    make.variant(product=reader, color="کرم", price=99_000_000, on_hand=0)
    make.variant(product=make.product(slug="gone", is_on_sale=False))


@pytest.fixture
def visitor(client: Client, shelf: None) -> Client:
    return client


@pytest.fixture
def buyer(client: Client, shelf: None) -> Client:
    """Someone with an order, and with a cart in which something changed."""
    person = make.person()
    dearer = make.variant(price=2_000_000)
    cart = make.cart(person=person, lines=[(make.variant(), 2)])
    orders.place(
        person=person, lines=None, cart=cart, shown_total=10**9, terms_version=1,
        delivery=Delivery("زهرا محمدی", "+989120004567", "", "اصفهان", "اصفهان", "چهارباغ 4", "12", "", "8165739412"),
        buyer=Buyer("individual"), carrier=shipping.choice("post-pishtaz", "اصفهان", "اصفهان"), now=NOW,
    )  # fmt: skip
    CartLine.objects.create(cart=cart, variant=dearer, quantity=2, seen_price=1_000_000, added_at=NOW)
    client.force_login(person)
    client.order = person.orders.get().code  # type: ignore[attr-defined]
    return client


def html_of(client: Client, url: str) -> str:
    return client.get(url.format(order=getattr(client, "order", ""))).content.decode()


def pages(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    """Every page of the visitor and the buyer, by name."""
    found = []
    for who, addresses in (("visitor", VISITOR), ("buyer", BUYER)):
        client = request.getfixturevalue(who)
        found += [(f"{who}: {name}", html_of(client, url)) for name, url in addresses.items()]
    return found


@pytest.fixture
def every_page(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    return pages(request)


def test_no_page_carries_a_script_or_a_style_of_its_own(every_page: list[tuple[str, str]]) -> None:
    for name, html in every_page:
        page = Page(html)
        assert not page.all("style"), name
        scripts = [attrs for attrs in page.all("script") if attrs.get("type") != "application/ld+json"]  # data
        assert all(attrs.get("src", "").startswith("/static/") and "defer" in attrs for attrs in scripts), name
        assert not [a for _, attrs in page.tags for a in attrs if a == "style" or a.startswith("on")], name
        outside = [
            attrs.get("href") or attrs.get("src", "")
            for attrs in page.all("link", "img", "use", "iframe", "script")
            if attrs.get("rel") != "canonical"
            and (attrs.get("href") or attrs.get("src", "")).startswith(("http", "//"))
        ]
        assert not outside, name


def test_each_page_has_one_h1_and_skips_no_level(every_page: list[tuple[str, str]]) -> None:
    for name, html in every_page:
        levels = [int(tag[1]) for tag, _ in Page(html).tags if re.fullmatch("h[1-6]", tag)]
        body = levels[: levels.index(1) + 1] if 1 in levels else []
        assert levels.count(1) == 1, (name, levels)
        steps = [levels[0], *levels]
        assert all(after <= before + 1 for before, after in zip(steps, levels, strict=False)), (name, levels)
        assert body[-1] == 1


def test_every_box_and_button_has_a_name_and_every_reference_its_target(every_page: list[tuple[str, str]]) -> None:
    for name, html in every_page:
        page = Page(html)
        ids = Counter(attrs["id"] for _, attrs in page.tags if "id" in attrs)
        assert [i for i, n in ids.items() if n > 1] == [], name
        for attrs in page.all("label"):
            assert "for" not in attrs or attrs["for"] in ids, (name, attrs)
        for _, attrs in page.tags:
            for kind in ("aria-describedby", "aria-labelledby", "list"):
                for target in attrs.get(kind, "").split():
                    assert target in ids, (name, kind, target)
        for attrs in page.all("a"):
            if attrs.get("href", "").startswith("#"):
                assert attrs["href"][1:] in ids, (name, attrs)
        labelled = {attrs["for"] for attrs in page.all("label") if "for" in attrs}
        for attrs in page.all("input", "select"):
            if attrs.get("type") not in ("hidden", "radio", "checkbox") and attrs.get("name") not in ("min", "max"):
                assert "aria-label" in attrs or attrs.get("id") in labelled, (name, attrs)


def test_letters_and_digits_are_persian_and_no_register_id_is_shown(every_page: list[tuple[str, str]]) -> None:
    for name, html in every_page:
        assert not re.search("[يكىة]", html), name
        for words in Page(html).prose:
            assert not re.search(r"[0-9٠-٩]", words), (name, words)
            assert not re.search(r"\b[DBN]\d{2,3}\b", words), (name, words)
            assert "!" not in words, (name, words)


def test_every_link_of_ours_leads_somewhere(buyer: Client, every_page: list[tuple[str, str]]) -> None:
    links = {
        attrs["href"].split("#")[0]
        for _, html in every_page
        for attrs in Page(html).all("a")
        if attrs.get("href", "").startswith("/")
    }
    assert "/terms/" in links
    broken = {url: status for url in sorted(links) if (status := buyer.get(url).status_code) not in (200, 302, 410)}
    assert broken == {}


def test_links_into_the_terms_find_their_clause(every_page: list[tuple[str, str]], client: Client) -> None:
    ids = {attrs["id"] for _, attrs in Page(html_of(client, "/terms/")).tags if "id" in attrs}
    wanted = {
        attrs["href"].split("#")[1]
        for _, html in every_page
        for attrs in Page(html).all("a")
        if attrs.get("href", "").startswith("/terms/") and "#" in attrs["href"]
    }
    assert wanted and wanted <= ids


def test_a_first_view_stays_within_its_budget(every_page: list[tuple[str, str]]) -> None:
    sheet = len(gzip.compress((STATIC / "peyman.css").read_bytes()))
    font, mark = (STATIC / "vazirmatn-fa-var.woff2").stat().st_size, (STATIC / "mark.svg").stat().st_size
    for name, html in every_page:
        assert len(gzip.compress(html.encode())) + sheet + font + mark < BUDGET, name
        asked = {attrs["href"] for attrs in Page(html).all("link") if attrs["rel"] in ("stylesheet", "preload", "icon")}
        assert len(asked) + 1 <= 4, (name, asked)  # the page itself, stylesheet, font, mark


def test_the_policy_lets_nothing_foreign_in(visitor: Client) -> None:
    policy = visitor.get("/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "form-action 'self'" in policy and "unsafe" not in policy
