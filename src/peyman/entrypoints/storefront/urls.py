"""Addresses of the storefront."""

from django.urls import URLPattern, URLResolver, path

from peyman.entrypoints.storefront import cart, checkout, goods, health, home, official, orders, pay, sandbox, terms

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home),
    path("goods/", goods.goods),
    path("goods/<slug:slug>/", goods.product),
    path("cart/", cart.cart),
    path("cart/add", cart.add),
    path("cart/set", cart.set_quantity),
    path("cart/remove", cart.remove),
    path("cart/fit", cart.fit),
    path("checkout/", checkout.checkout),
    path("orders/", orders.orders),
    path("orders/<str:code>/", orders.order),
    path("orders/<str:code>/pay", orders.pay),
    path("orders/<str:code>/cancel", orders.cancel),
    path("p/<str:code>/<str:signature>/", orders.pro_forma),
    path("pay/zarinpal/callback", pay.callback),
    path("pay/zarinpal/result", pay.result),
    path("pay/<str:payment>/", pay.to_bank),
    path("terms/", terms.terms),
    path("terms/<int:number>/", terms.terms),
    path("official/", official.official),
    path("sandbox/inbox", sandbox.inbox),
    path("sandbox/inbox.json", sandbox.inbox_json),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("robots.txt", health.robots),
]
