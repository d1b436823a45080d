"""Iran's 31 provinces and their cities, for addresses. Reference data: read once from `places.txt`."""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple

from peyman.kernel import text


class Province(NamedTuple):
    """A province: its capital and its cities, in Persian alphabetical order, and how each may be typed."""

    name: str
    capital: str
    cities: tuple[str, ...]
    spellings: dict[str, str]  # folded spelling -> city


class Place(NamedTuple):
    """A province and a city as we spell them."""

    province: str
    city: str


@cache
def _all() -> dict[str, Province]:
    lines = resources.files(__package__).joinpath("places.txt").read_text("utf-8").splitlines()
    return {text.search_joined(p.name): p for p in _read(lines)}


def _read(lines: list[str]) -> Iterator[Province]:
    for line in lines:
        if line.startswith("#") or not line.strip():
            continue
        name, capital, listed = (part.strip() for part in line.split("|"))
        cities = tuple(city.strip() for city in listed.split("،"))
        spellings = {text.search_joined(city): city for city in cities}
        for city in cities:
            outer, bracket, inner = city.partition(" (")
            if bracket:  # "هشتپر (تالش)" is typed either way; a city with that very name goes first
                spellings.setdefault(text.search_joined(outer), city)
                spellings.setdefault(text.search_joined(inner.rstrip(")")), city)
        yield Province(name, capital, cities, spellings)


def provinces() -> list[str]:
    """Return the names of the 31 provinces in Persian alphabetical order."""
    return [province.name for province in _all().values()]


def cities(province: str) -> list[str]:
    """Return the cities of a province in Persian alphabetical order, nothing for an unknown province."""
    found = _all().get(text.search_joined(province))
    return list(found.cities) if found else []


def find(province: str, city: str) -> Place | None:
    """Return both names as we spell them, whatever their letters, spaces and half-spaces; None if unknown."""
    found = _all().get(text.search_joined(province))
    spelled = found.spellings.get(text.search_joined(city)) if found else None
    return Place(found.name, spelled) if found and spelled else None


def is_center(province: str, city: str) -> bool:
    """Say whether the city is the capital of its province (some carriers go no further)."""
    place = find(province, city)
    return place is not None and place.city == _all()[text.search_joined(province)].capital
