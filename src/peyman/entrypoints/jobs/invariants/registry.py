"""The registry's history and its files."""

import hashlib
from datetime import datetime

from django.conf import settings

from peyman.entrypoints.jobs.invariants.finding import READ_FILES, Finding, check
from peyman.market.tariff.models import Snapshot, Stay
from peyman.market.tariff.queries import history as registry


@check("registry_stays_do_not_overlap")
def _stays(now: datetime) -> Finding:
    """A row's stays on the list are not empty, begin and end at good snapshots, and lie apart."""
    found = Finding()
    places = registry.order().places
    last: dict[int, int] = {}  # row → where its last stay ended
    spans = []
    for pk, row, first, absent in Stay.objects.values_list("pk", "row", "first", "absent").iterator():
        begin, end = places.get(first, -1), len(places) if absent is None else places.get(absent, -1)
        spans.append((row, begin, end, pk))
    for row, begin, end, pk in sorted(spans):
        found.look(f"stay {pk}", last.get(row, -1) < begin < end)
        last[row] = end
    return found


@check("registry_snapshots_list_what_they_did")
def _snapshots(now: datetime) -> Finding:
    """The stays say of each good snapshot the very rows that its list held: their number and digest."""
    found = Finding()
    for snapshot, listed, digest in registry.standing_digests():
        found.look(snapshot.code, (listed, digest) == (snapshot.listed, snapshot.digest))
    return found


@check("registry_files_are_kept")
def _files(now: datetime) -> Finding:
    """The file of each snapshot is there in its size; of many evenly spread ones the content is what it was."""
    found = Finding()
    files = dict(Snapshot.objects.order_by("seen_at", "pk").values_list("file", "sha256"))
    sizes = dict(Snapshot.objects.values_list("file", "size"))
    step = max(1, len(files) // READ_FILES)
    for place, (file, sha256) in enumerate(reversed(files.items())):
        path = settings.DATA_DIR / file
        whole = path.is_file() and path.stat().st_size == sizes[file]
        if whole and place % step == 0:
            with path.open("rb") as content:
                whole = hashlib.file_digest(content, "sha256").hexdigest() == sha256
        found.look(file, whole)
    return found
