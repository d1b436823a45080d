"""What every page's frame needs. Nothing here is computed before a template asks for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from peyman.entrypoints import clock, implied
from peyman.entrypoints.storefront import visitor
from peyman.promises import queries as promises


@dataclass(frozen=True)
class Tab:
    url: str
    title: str
    current: bool


_TABS = (("/", "خانه"), ("/goods/", "کالاها"), ("/orders/", "سفارش‌های من"), ("/terms/", "شرایط و قول‌ها"))
_OF_GOODS = ("/category/", "/brand/")  # pages under the tab of goods with addresses of their own


STRANGER = ("ورود", 0)  # what the tools of the header say to who has no session: where to log in, nothing in a cart


def login_url(path: str) -> str:
    """Return where to log in, to come back to `path`: quoted, so that it may stand in a page as it is."""
    return "/login/" if path == "/" else f"/login/?next={quote(path)}"


class _Around:
    """What header and footer say to everybody."""

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def sandbox(self) -> bool:
        return bool(settings.SANDBOX)

    @property
    def host(self) -> str:
        return urlsplit(settings.PUBLIC_URL).hostname or ""

    @property
    def tabs(self) -> list[Tab]:
        path = "/goods/" if self.path.startswith(_OF_GOODS) else self.path
        return [Tab(url, title, path.startswith(url) if url != "/" else path == "/") for url, title in _TABS]


class HeldFrame(_Around):
    """Header and footer of a page that is kept for everybody: what is one reader's own is left open (see `kept`)."""

    changed_terms = None
    symbols = ("i-cart", "i-doc", "i-user", "k-next")  # drawn by what comes into the openings

    def __init__(self, path: str, opening: Callable[[str], str]) -> None:
        super().__init__(path)
        self.tools, self.banner = opening("tools"), opening("banner")


class Frame(_Around):
    """Header and footer of one page."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.path)
        self._request = request

    @cached_property
    def cart_count(self) -> int:
        """Pieces in the visitor's cart; no query for a visitor without a session."""
        return visitor.count_of(self._request)

    @property
    def account_url(self) -> str:
        if visitor.person_of(self._request):
            return "/account/"
        return login_url(self.path)

    @property
    def account_label(self) -> str:
        return "حساب من" if visitor.person_of(self._request) else STRANGER[0]

    @property
    def changed_terms(self) -> implied.Mark | None:
        """The mark of a reader whose last pages were under another version of the terms (D05)."""
        mark = implied.current(self._request)
        return mark if mark is not None and mark.before else None


def frame(request: HttpRequest) -> dict[str, object]:
    return {"frame": Frame(request), "terms": SimpleLazyObject(lambda: promises.terms_in_force(clock.now()))}
