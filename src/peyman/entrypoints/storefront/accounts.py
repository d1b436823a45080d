"""Log-in by mobile number and SMS code, the second step of staff, the welcome of a new customer.

The code is `people`'s, one for pages and API: allauth would keep it in clear in the session, count wrong tries
there (so that tries at once count as one), and could send none to a number it does not know. From the proven number
on everything is allauth's: stages, second factor, closed accounts, a new session.
"""

from datetime import datetime
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.internal.stagekit import clear_login
from allauth.account.utils import perform_login
from allauth.mfa.base.views import AuthenticateView
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from peyman.entrypoints import clock, logins, second_factor
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.storefront import errors, visitor
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.messages.rules import hidden
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises import queries as terms
from peyman.promises.models import TermsVersion
from peyman.shop.carts import actions as carts

RETURNING = "login_returning"  # likewise, of someone who was long away and whose e-mail address is proven too
PENDING = "login_pending"  # name in the session: whose code is awaited, until when, and where to go then
_LONGEST_NEXT = 500


class NoSecondFactor(Refused):
    """A member of staff without a second factor cannot log in at all."""

    code = "second_factor_missing"
    status = 403
    says = "ورود انجام نشد: حساب همکاران بی رمز یک‌بارمصرف دوم باز نمی‌شود. از مدیر فروشگاه بخواهید آن را برای شما بسازد."


class Adapter(DefaultAccountAdapter):
    """What allauth asks of us."""

    def get_phone(self, user: Person) -> tuple[str, bool]:
        return user.mobile, user.mobile_confirmed_at is not None

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the caller's address; a socket that has none counts all its callers as one."""
        try:
            return str(super().get_client_ip(request))
        except PermissionDenied:
            return "::"

    def pre_login(self, request: HttpRequest, user: Person, **kwargs) -> HttpResponse | None:
        if user.is_staff and not second_factor.has_second_factor(user):
            clear_login(request)
            return errors.refused(request, NoSecondFactor())
        return super().pre_login(request, user, **kwargs)

    def respond_user_inactive(self, request: HttpRequest, user: Person) -> HttpResponse:
        return errors.refused(request, rules.Inactive())

    def post_login(self, request: HttpRequest, user: Person, *, redirect_url: str | None, **kwargs) -> HttpResponse:
        """Bring the visitor's cart along; a new customer goes by the welcome page."""
        now = clock.now()
        people.begin_visit(
            person=user,
            session_key=_session_key(request),
            user_agent=request.headers.get("User-Agent", ""),
            address=self.get_client_ip(request),
            now=now,
        )
        carts.merge(visitor_key=request.session.pop(visitor.CART_KEY, ""), person=user, now=now)
        url = redirect_url or "/"
        if not is_welcomed(user):
            url = _with_next("/welcome/", url)
        return super().post_login(request, user, redirect_url=url, **kwargs)


# ---- First step: the number ----


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    target = next_of(request)
    if request.user.is_authenticated:
        return redirect(target or "/")
    if request.method != "POST":
        return _number_page(request, target)
    typed = request.POST.get("mobile", "")
    try:
        mobile = rules.mobile_number(typed[:60])
    except Invalid as refusal:
        return _number_page(request, target, typed=typed[:60], error=refusal.fields["mobile"])
    clear_login(request)
    _await_code(request, mobile, target)
    return redirect("account_code")


def _number_page(request: HttpRequest, target: str, *, typed: str = "", error: str = "") -> HttpResponse:
    field = Field(
        "mobile", "شماره موبایل", typed, "کد ورود به این شماره پیامک می‌شود. رقم فارسی یا لاتین، هر دو پذیرفته است.",
        error, type="tel", inputmode="tel", autocomplete="tel", ltr=True, maxlength=60,
    )  # fmt: skip
    return _page(request, "login", [field], next=target)


def _await_code(request: HttpRequest, mobile: str, target: str) -> None:
    until = logins.send_code(request, mobile, clock.now())
    request.session[PENDING] = {"mobile": mobile, "until": until.isoformat(), "next": target}


# ---- Second step: the code ----


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    pending = request.session.get(PENDING)
    if request.user.is_authenticated or not pending:
        return redirect("/" if request.user.is_authenticated else "account_login")
    mobile, target = pending["mobile"], pending["next"]
    if request.method != "POST":
        return _code_page(request, pending)
    if request.POST.get("action") == "resend":
        _await_code(request, mobile, target)
        return redirect("account_code")
    try:
        person = logins.prove(request, mobile, request.POST.get("code", "")[:60], clock.now())
    except rules.WrongCode as refusal:
        return _code_page(request, pending, error=refusal.detail)
    if logins.ask_return(person, clock.now()):
        del request.session[PENDING]
        request.session[RETURNING] = {"whose": person.code, "next": target}
        return redirect("/login/returning/")
    del request.session[PENDING]
    return perform_login(request, person, redirect_url=target or None)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D15")
def returning(request: HttpRequest) -> HttpResponse:
    """Take the second code of someone who was away so long that the line may be another's."""
    waiting = request.session.get(RETURNING)
    if request.user.is_authenticated or not waiting:
        return redirect("/" if request.user.is_authenticated else "account_login")
    person = queries.person_by_code(waiting["whose"])
    fault = ""
    if request.method == "POST":
        try:
            logins.prove_return(request, person, request.POST.get("code", "")[:60], clock.now())
        except rules.WrongCode as refusal:
            fault = refusal.detail
        else:
            del request.session[RETURNING]
            return perform_login(request, person, redirect_url=waiting["next"] or None)
    field = Field(
        "code", "کد شش‌رقمی نامه", "", "رقم فارسی یا لاتین، هر دو پذیرفته است.", fault,
        inputmode="numeric", autocomplete="one-time-code", ltr=True, maxlength=20,
    )  # fmt: skip
    return _page(request, "login_returning", [field], to=hidden(rules.EMAIL, person.email))


def _code_page(request: HttpRequest, pending: dict[str, str], *, error: str = "") -> HttpResponse:
    now = clock.now()
    until = datetime.fromisoformat(pending["until"])
    field = Field(
        "code", "کد شش‌رقمی", "", "کد را از پیامک بردارید. رقم فارسی یا لاتین، هر دو پذیرفته است.", error,
        inputmode="numeric", autocomplete="one-time-code", ltr=True, maxlength=20,
    )  # fmt: skip
    again = _with_next("/login/", pending["next"])
    when = {"until": until, "now": now, "is_over": now >= until}
    return _page(request, "login_code", [field], mobile=pending["mobile"], again=again, **when)


# ---- Second step of staff ----


class SecondFactorView(AuthenticateView):
    """allauth's own view under our roof."""

    template_name = "storefront/login_second.html"

    def get_context_data(self, **kwargs) -> dict[str, object]:
        context = super().get_context_data(**kwargs)
        faults = context["form"].errors.get("code", [])
        field = Field(
            "code", "رمز یک‌بارمصرف", "", "رمز شش‌رقمی را از برنامه رمزساز خود بردارید.", faults[0] if faults else "",
            inputmode="numeric", autocomplete="one-time-code", ltr=True, maxlength=20,
        )  # fmt: skip
        return context | _shown([field])


second = never_cache(SecondFactorView.as_view())


# ---- Welcome ----


def is_welcomed(person: Person) -> bool:
    """Say whether this person has been through the welcome page, where name and acceptance come together."""
    return bool(person.full_name)


@carries_out("D06")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Ask a new customer for a name and for explicit acceptance of the terms in force (A10)."""
    person = visitor.person_of(request)
    target = next_of(request)
    if person is None:
        return redirect(_with_next("/login/", "/welcome/"))
    now = clock.now()
    if is_welcomed(person):
        return redirect(target or "/")
    version = terms.terms_in_force(now)
    typed = {"full_name": person.full_name, "email": person.email}
    if request.method != "POST":
        return _welcome_page(request, typed, {}, target, version)
    typed = {name: request.POST.get(name, "")[:300] for name in typed}
    bad: dict[str, str] = {}
    try:
        rules.profile(typed["full_name"], typed["email"])
    except Invalid as refusal:
        bad |= refusal.fields
    if request.POST.get("terms") != str(version.number):
        bad["terms"] = "برای ساختن حساب باید شرایط فروش را بپذیرید؛ خانه پذیرش را نشان بزنید."
    if bad:
        return _welcome_page(request, typed, bad, target, version)
    with transaction.atomic():
        people.complete_profile(person=person, full_name=typed["full_name"], email=typed["email"], now=now)
        promises.accept(person=person, version=version, kind="sign_up", now=now)
    return redirect(target or "/")


def _welcome_page(
    request: HttpRequest, typed: dict[str, str], bad: dict[str, str], target: str, version: TermsVersion
) -> HttpResponse:
    fields = [
        Field(
            "full_name", "نام و نام خانوادگی", typed["full_name"], "", bad.get("full_name", ""),
            autocomplete="name", maxlength=120,
        ),
        Field(
            "email", "ایمیل (اگر دارید)", typed["email"], "پیش‌فاکتور به این نشانی هم می‌رسد؛ بی آن، همه‌چیز پیامک می‌شود.",
            bad.get("email", ""), type="email", inputmode="email", autocomplete="email", ltr=True, maxlength=254,
        ),
    ]  # fmt: skip
    unaccepted = Field("terms", "", error=bad.get("terms", ""))
    return _page(request, "welcome", fields, unaccepted, next=target, version=version, unaccepted=unaccepted)


# ---- Leaving ----


def _session_key(request: HttpRequest) -> str:
    """Return the key of the session that a log-in just began."""
    if not request.session.session_key:
        request.session.save()
    return str(request.session.session_key)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session; nothing of it stays, so that the next one at this screen finds no cart and no name."""
    people.leave(session_key=request.session.session_key or "", now=clock.now())
    get_adapter().logout(request)
    return redirect("/")


# ---- Shared ----


def next_of(request: HttpRequest) -> str:
    """Return the page to go on to: a path of this host, or "" for anything else."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url.startswith("/") and len(url) <= _LONGEST_NEXT and "\\" not in url
    return url if is_ours and url_has_allowed_host_and_scheme(url, allowed_hosts=None) else ""


def _with_next(url: str, target: str) -> str:
    return f"{url}?{urlencode({'next': target})}" if target and target != "/" else url


def _shown(fields: list[Field], *more: Field) -> dict[str, object]:
    bad = wrong([*fields, *more])
    return {"fields": fields, "wrong": bad, "heading": heading(len(bad))}


def _page(request: HttpRequest, name: str, fields: list[Field], *more: Field, **context: object) -> HttpResponse:
    shown = _shown(fields, *more)
    return render(request, f"storefront/{name}.html", {**context, **shown}, status=422 if shown["wrong"] else 200)
