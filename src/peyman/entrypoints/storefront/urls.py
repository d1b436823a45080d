"""Addresses of the storefront."""

from django.urls import URLPattern, URLResolver, path

from peyman.entrypoints.storefront import health, sandbox, terms

urlpatterns: list[URLPattern | URLResolver] = [
    path("terms/", terms.terms),
    path("terms/<int:number>/", terms.terms),
    path("sandbox/inbox", sandbox.inbox),
    path("sandbox/inbox.json", sandbox.inbox_json),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("robots.txt", health.robots),
]
