"""The files that pages load, gathered where they are served from."""

import hashlib

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def fingerprint() -> str:
    """Return what tells today's files of pages from others, without reading them."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            digest.update(f"{path}\0{storage.size(path)}\0{storage.get_modified_time(path)}\n".encode())
    return digest.hexdigest()


def collect() -> None:
    """Gather, name by content and compress what pages load; done before, it is only looked at."""
    found, print_file = fingerprint(), settings.STATIC_ROOT / ".collected"
    if print_file.exists() and print_file.read_text() == found:
        return
    print_file.unlink(missing_ok=True)
    call_command("collectstatic", verbosity=0, interactive=False)
    print_file.write_text(found)
