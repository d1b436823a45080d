"""The page a parent or guardian opens from the SMS: what is bought, and one button (D20)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from peyman.entrypoints import clock, guardians
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.people import queries as people
from peyman.shop.orders import queries as orders


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D20")
def guardian(request: HttpRequest, token: str) -> HttpResponse:
    """Show the order to the holder of the link, and take their word. Raises Missing, ConfirmationOver."""
    found = people.guardian_of_token(token)
    if found is None:
        raise Missing
    now = clock.now()
    if request.method == "POST":
        guardians.confirm_by_link(token, now)
        return redirect(request.path)
    order = orders.view(found.person, found.subject.removeprefix("order:"), now)
    context = {"asked": found, "child": found.person.full_name, "order": order, "is_over": now >= found.expires_at}
    return render(request, "storefront/guardian.html", context)
