"""Addresses of the staff's desks."""

from django.urls import URLPattern, path

from peyman.entrypoints.backoffice import home, messages

urlpatterns: list[URLPattern] = [
    path("desk/", home.home),
    path("desk/messages/", messages.outbox),
    path("desk/messages/<str:code>/", messages.letter),
    path("desk/messages/<str:code>/retry", messages.retry),
    path("desk/senders/", messages.senders),
    path("desk/senders/<int:sender_id>/end", messages.end_sender),
]
