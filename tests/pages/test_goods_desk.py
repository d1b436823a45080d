"""The desk of goods: what staff see of products, categories, brands and files, and what becomes of what they type."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from peyman.entrypoints import catalogue_runs
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.shop.catalog.models import (
    CatalogChange,
    Category,
    CategoryAttribute,
    FormerSlug,
    ImportRun,
    Product,
    SaleSwitch,
    Variant,
)
from peyman.shop.stock.models import Stock
from tests import make
from tests.pages.reading import html_of

DESK = "/desk/goods/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def me(shop: TermsVersion) -> Person:
    return make.person(role="catalogue", full_name="مینا کالایی")


@pytest.fixture
def staff(client: Client, me: Person) -> Client:
    client.force_login(me)
    return client


def form_of(html: str) -> dict[str, str]:
    """What the form of a page would send as it stands: `seen` and `was`, and every box."""
    was = json.loads(re.search(r'name="was" value="([^"]*)"', html)[1].replace("&quot;", '"').replace("&#x27;", "'"))
    seen = re.search(r'name="seen" value="(\d+)"', html)[1]
    return {**was, "seen": seen, "was": json.dumps(was, ensure_ascii=False)}


def test_every_page_of_the_desk_opens(staff: Client) -> None:
    variant = make.variant(sku="A-01", product=make.product(code="A", attributes={"رم": "8 گیگابایت"}))
    make.category(slug="top", title="بالا")
    for path in (
        "", "new", "history/", "categories/", "categories/new", "categories/phones/", "brands/", "brands/new",
        "brands/samsung/", "imports/", "A/", "A/specs/", "A/variants/", "A/variants/new", "A/variants/A-01/",
        "A/history/",
    ):  # fmt: skip
        html_of(staff.get(f"{DESK}{path}"))
    assert staff.get("/desk/goods.csv").status_code == 200
    html_of(staff.get(f"/goods/{variant.product.slug}/corrections/"))
