"""Every address the installation answers to."""

from django.urls import include, path

urlpatterns = [
    path("", include("peyman.entrypoints.storefront.urls")),
    path("api/v1/", include("peyman.entrypoints.api.urls")),
    path("", include("peyman.entrypoints.storefront.account_urls")),
    path("", include("peyman.entrypoints.backoffice.urls")),
]

handler400 = "peyman.entrypoints.storefront.errors.bad_request"
handler403 = "peyman.entrypoints.storefront.errors.forbidden"
handler404 = "peyman.entrypoints.storefront.errors.not_found"
handler500 = "peyman.entrypoints.storefront.errors.fault"
