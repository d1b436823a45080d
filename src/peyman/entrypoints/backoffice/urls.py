"""Addresses of the staff's desks."""

from django.urls import URLPattern, path

from peyman.entrypoints.backoffice import home

urlpatterns: list[URLPattern] = [
    path("desk/", home.home),
]
