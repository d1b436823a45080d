"""Addresses of the staff's desks."""

from django.urls import URLPattern, path

from peyman.entrypoints.backoffice import calendar, force_majeure, home, messages, promises, terms

urlpatterns: list[URLPattern] = [
    path("desk/", home.home),
    path("desk/promises/", promises.board),
    path("desk/promises.csv", promises.export),
    path("desk/calendar/", calendar.calendar),
    path("desk/force-majeure/", force_majeure.force_majeure),
    path("desk/force-majeure/<str:code>/end", force_majeure.end),
    path("desk/terms/", terms.terms),
    path("desk/messages/", messages.outbox),
    path("desk/messages/<str:code>/", messages.letter),
    path("desk/messages/<str:code>/retry", messages.retry),
    path("desk/senders/", messages.senders),
    path("desk/senders/<int:sender_id>/end", messages.end_sender),
]
