"""Whose picture a file is, by how it is called."""

import re
from typing import Final

_COUNT: Final = re.compile(r"(?:[-_ ]\(?\d{1,3}\)?|\(\d{1,3}\))$", re.ASCII)


def names_of(place: str) -> list[str]:
    """Return the names by which the product of a file may be known, the likeliest first.

    "P-1200.jpg", "P-1200-2.jpg" and "P-1200/anything.jpg" belong to the product P-1200; "kettle/red.jpg" and
    "kettle/red-2.jpg" are what a supplier calls "kettle/red", and else belong to "kettle".
    """
    folders, _, name = place.rpartition("/")
    stem = name.rpartition(".")[0] or name
    stems = [stem]
    if (bare := _COUNT.sub("", stem)) and bare != stem:
        stems.append(bare)
    last = folders.rpartition("/")[2]
    found = [f"{last}/{one}" for one in stems] if last else []
    return list(dict.fromkeys([*found, *([last] if last else []), *stems]))


def order_of(place: str) -> tuple[str, str, int]:
    """Return by what files of one folder are put in order: "kettle.jpg", "kettle-2.jpg", "kettle-10.jpg"."""
    folders, _, name = place.rpartition("/")
    stem = name.rpartition(".")[0] or name
    count = _COUNT.search(stem)
    if count is None or not count.start():
        return folders, stem, 0
    return folders, stem[: count.start()], int("".join(filter(str.isdigit, count[0])))
