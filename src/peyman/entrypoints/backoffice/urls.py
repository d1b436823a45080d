"""Addresses of the staff's desks."""

from django.urls import URLPattern, path

from peyman.entrypoints.backoffice import (
    calendar,
    force_majeure,
    home,
    messages,
    newsletter,
    permissions,
    privacy,
    promises,
    terms,
)

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
    path("desk/newsletter/", newsletter.newsletter),
    path("desk/newsletter/<str:code>/stop", newsletter.stop),
    path("desk/privacy/", privacy.cases),
    path("desk/privacy/<str:code>/", privacy.case),
    path("desk/privacy/<str:code>/read", privacy.read),
    path("desk/privacy/<str:code>/take", privacy.take),
    path("desk/privacy/<str:code>/answer", privacy.answer),
    path("desk/privacy/<str:code>/close", privacy.close),
    path("desk/people/", privacy.someone),
    path("desk/people/<str:code>/birth", privacy.correct_birth_date),
    path("desk/permissions/", permissions.permissions),
    path("desk/permissions/<str:code>/withdraw", permissions.withdraw),
]
