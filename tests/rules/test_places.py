"""Provinces and cities of addresses, however they are typed."""

import csv

import pytest

from peyman.shop.shipping import places
from tests.conftest import SHARED


def test_there_are_31_provinces_and_1355_cities() -> None:
    assert len(places.provinces()) == 31
    assert places.provinces()[:2] == ["آذربایجان شرقی", "آذربایجان غربی"]
    assert sum(len(places.cities(province)) for province in places.provinces()) == 1355


def test_every_city_is_found_under_its_own_name() -> None:
    for province in places.provinces():
        for city in places.cities(province):
            assert places.find(province, city) == (province, city)


@pytest.mark.parametrize(
    ("province", "city", "found"),
    [
        ("خراسان رضوي", "مشهد", ("خراسان رضوی", "مشهد")),
        ("آذربایجان‌شرقی", "بستان‌آباد", ("آذربایجان شرقی", "بستان آباد")),
        (" اصفهان ", "اصفهان", ("اصفهان", "اصفهان")),
        ("گیلان", "تالش", ("گیلان", "هشتپر (تالش)")),
        ("گیلان", "هشتپر", ("گیلان", "هشتپر (تالش)")),
        ("مازندران", "گلوگاه", ("مازندران", "گلوگاه")),
        ("البرز", "فردیس", ("البرز", "فردیس")),
        ("تهران", "شیراز", None),
        ("تگزاس", "تهران", None),
        ("", "", None),
    ],
)
def test_a_place_is_found_however_it_is_typed(province: str, city: str, found: tuple[str, str] | None) -> None:
    assert places.find(province, city) == found


def test_each_province_has_one_capital() -> None:
    for province in places.provinces():
        assert sum(places.is_center(province, city) for city in places.cities(province)) == 1
    assert places.is_center("خراسان رضوي", "مشهد")
    assert not places.is_center("تهران", "ری")
    assert not places.is_center("تهران", "مشهد")


def test_an_unknown_province_has_no_cities() -> None:
    assert places.cities("تگزاس") == []


def test_every_city_of_the_official_list_is_accepted() -> None:
    file = SHARED / "data" / "catalogue" / "provinces_cities.csv"
    if not file.exists():
        return  # the list is not part of the repository; what was made of it is
    with file.open(encoding="utf-8") as rows:
        missing = [row for row in csv.DictReader(rows) if not places.find(row["province"], row["city"])]
    assert missing == []
