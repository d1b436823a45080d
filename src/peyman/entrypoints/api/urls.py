"""Addresses of the API."""

from django.urls import path

from peyman.entrypoints.api import accounts, carts, export, half_price, orders, products, shipping
from peyman.entrypoints.api.door import api

for router in (
    accounts.router,
    products.router,
    export.router,
    carts.router,
    orders.router,
    shipping.router,
    half_price.router,
):
    api.add_router("", router)

urlpatterns = [path("", api.urls)]
