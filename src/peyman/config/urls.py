"""Every address the installation answers to."""

from django.urls import include, path

urlpatterns = [
    path("", include("peyman.entrypoints.storefront.urls")),
    path("", include("peyman.entrypoints.storefront.account_urls")),
    path("api/v1/", include("peyman.entrypoints.api.urls")),
]
