"""The way in: the first desk that one's role opens."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from peyman.entrypoints.backoffice import door
from peyman.kernel.errors import Missing
from peyman.people.models import Person


@door.staff_only("desk")
def home(request: HttpRequest, person: Person) -> HttpResponse:
    desks = door.desks_of(person)
    if not desks:
        raise Missing
    return redirect(desks[0].url)
