"""Download logs of servers and CDNs, opened under limits and read line by line into one form.

A log may be cut short, packed to swell, mixed with other things, or written by a server that nobody set right. What is
wrong with a line is counted by reason and told with its file and number; what is wrong with a file stops the audit.
Formats that do not name the address that the client connected to give lines without it, and say so (clause B09).

`nginx` is read in this form, all that an audit needs (docs/audit.md has it for copying):

    log_format peyman '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                      '"$http_referer" "$http_user_agent" $server_addr $msec $request_time $host $request_id';

`haproxy` in the form of its httplog, with ` %fi %ID` (both may be missing) after the request.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from peyman.gateways.logs import cdns, own, servers
from peyman.gateways.logs.entries import Entry, Options, Parse, Read, Rejected
from peyman.gateways.logs.unpacking import each, numbered, opened

__all__ = ["FORMATS", "NAMES", "Entry", "Options", "Parse", "Read", "Rejected", "each", "opened", "read"]

FORMATS: Final[Mapping[str, Parse]] = {
    "nginx": servers.nginx,
    "combined": servers.combined,
    "arvancloud": cdns.arvancloud,
    "cloudflare": cdns.cloudflare,
    "haproxy": servers.haproxy,
}
NAMES: Final = ("canonical", "nginx", "combined", "arvancloud", "cloudflare", "cloudfront", "haproxy")


def read(file: Path, form: str, options: Options, told: Callable[[int], None] = lambda at: None) -> Iterator[Read]:
    """Yield the lines of a log. `told` is called with how many bytes of the file were read.

    Raises BadFile for a file that is broken, swells, or is no log of that form.
    """
    with opened(file) as raw:
        start = raw.read(4)
        raw.seek(0)
        if form == "canonical" and start == own.PARQUET:
            yield from own.parquet(file, options, told)
            return
        lines = numbered(file, raw, start, told)
        if form == "canonical":
            yield from own.canonical(file, lines, options)
        elif form == "cloudfront":
            yield from cdns.cloudfront(file, lines, options)
        else:
            yield from each(lines, FORMATS[form], options)
