"""What every page's frame needs. Nothing here is computed before a template asks for it."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from peyman.entrypoints import clock, implied
from peyman.entrypoints.storefront import visitor
from peyman.promises import queries as promises
from peyman.shop.carts import queries as carts


@dataclass(frozen=True)
class Tab:
    url: str
    title: str
    current: bool


class Frame:
    """Header and footer of one page."""

    _TABS = (("/", "خانه"), ("/goods/", "کالاها"), ("/orders/", "سفارش‌های من"), ("/terms/", "شرایط و قول‌ها"))

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.sandbox: bool = settings.SANDBOX
        self.host = urlsplit(settings.PUBLIC_URL).hostname or ""

    @cached_property
    def cart_count(self) -> int:
        """Pieces in the visitor's cart; no query for a visitor without a session."""
        return carts.count(visitor.cart_of(self._request))

    @property
    def account_url(self) -> str:
        if visitor.person_of(self._request):
            return "/account/"
        return "/login/" if self._request.path == "/" else f"/login/?next={self._request.path}"

    @property
    def account_label(self) -> str:
        return "حساب من" if visitor.person_of(self._request) else "ورود"

    @property
    def changed_terms(self) -> implied.Mark | None:
        """The mark of a reader whose last pages were under another version of the terms (D05)."""
        mark = implied.current(self._request)
        return mark if mark is not None and mark.before else None

    @property
    def path(self) -> str:
        return self._request.path

    @property
    def tabs(self) -> list[Tab]:
        path = self._request.path
        return [Tab(url, title, path.startswith(url) if url != "/" else path == "/") for url, title in self._TABS]


def frame(request: HttpRequest) -> dict[str, object]:
    return {"frame": Frame(request), "terms": SimpleLazyObject(lambda: promises.terms_in_force(clock.now()))}
