"""What pages tell machines about themselves, in the words of schema.org.

It is data that no browser runs, so the strict policy stands; and whatever a title holds, it cannot end its element.
"""

import json
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.utils.safestring import SafeString

from peyman.entrypoints.storefront import addresses, drawn
from peyman.shop.catalog.queries import BrandView, Crumb, ProductPage, VariantView

_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_NAME = "پیمان"


def script(*things: Mapping[str, object]) -> SafeString:
    """Return the things as one block for a page's head."""
    said = [{"@context": "https://schema.org", **thing} for thing in things]
    text = json.dumps(said[0] if len(said) == 1 else said, ensure_ascii=False, separators=(",", ":"))
    # The table above leaves nothing that could end the element or begin another.
    return SafeString(f'<script type="application/ld+json">{text.translate(_ESCAPES)}</script>')


def shop() -> list[Mapping[str, object]]:
    """Return who we are, and how our goods are searched."""
    home = addresses.whole("/")
    us = {"@type": "Organization", "@id": f"{home}#us", "name": _NAME, "url": home}
    searching = {
        "@type": "SearchAction",
        "target": {"@type": "EntryPoint", "urlTemplate": f"{settings.PUBLIC_URL}/goods/?q={{q}}"},
        "query-input": "required name=q",
    }
    site = {"@type": "WebSite", "name": _NAME, "url": home, "inLanguage": "fa-IR", "publisher": {"@id": us["@id"]}}
    return [us, {**site, "potentialAction": searching}]


def trail(crumbs: Sequence[Crumb], last: tuple[str, str] | None = None) -> Mapping[str, object]:
    """Return the way from the home page: the categories, and behind them `last` (path, title)."""
    way = [("/", "خانه"), *((addresses.category(crumb.slug), crumb.title) for crumb in crumbs)]
    way += [last] if last else []
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": n, "name": title, "item": addresses.whole(path)}
            for n, (path, title) in enumerate(way, 1)
        ],
    }


def product(page: ProductPage, chosen: VariantView | None) -> Mapping[str, object]:
    """Return a product with an offer for each of its variants, in rials."""
    path = addresses.product(page.slug, page.title)
    told: dict[str, object] = {
        "@type": "Product",
        "name": page.title,
        "url": addresses.whole(path),
        "productID": page.code,
        "brand": {"@type": "Brand", "name": page.brand},
        "category": " > ".join(crumb.title for crumb in page.crumbs),
    }
    if page.description:
        told["description"] = page.description
    if page.model:
        told["model"] = page.model
    if chosen is not None:
        told["sku"] = chosen.sku
    if page.picture:
        told["image"] = addresses.whole(picture(page.picture))
    elif page.own_drawing:  # made for this product; its category's shows a kind, not these goods
        told["image"] = addresses.whole(drawn.address(page.own_drawing, page.tint))
    if page.weight_g:
        told["weight"] = {"@type": "QuantitativeValue", "value": page.weight_g, "unitCode": "GRM"}
    if page.attributes:
        told["additionalProperty"] = [
            {"@type": "PropertyValue", "name": name, "value": value} for name, value in page.attributes.items()
        ]
    if page.variants:
        told["offers"] = [_offer(page, variant) for variant in page.variants]
    return told


def brand(maker: BrandView) -> Mapping[str, object]:
    """Return a brand, with its Latin name as its other one."""
    url = addresses.whole(addresses.brand(maker.slug))
    told: dict[str, object] = {"@type": "Brand", "name": maker.name, "url": url}
    return {**told, "alternateName": maker.name_latin} if maker.name_latin else told


def picture(key: str) -> str:
    """Return the path of a picture as pages elsewhere may show it."""
    return f"/media/{key}-640.webp"


def _offer(page: ProductPage, variant: VariantView) -> Mapping[str, object]:
    stands = "InStock" if variant.available else "OutOfStock" if variant.is_on_sale else "Discontinued"
    told: dict[str, object] = {
        "@type": "Offer",
        "sku": variant.sku,
        "url": addresses.whole(f"/goods/{page.slug}/?sku={variant.sku}"),
        "price": str(variant.price),
        "priceCurrency": "IRR",
        "availability": f"https://schema.org/{stands}",
        "itemCondition": "https://schema.org/NewCondition",
        "seller": {"@type": "Organization", "name": _NAME},
    }
    if variant.offer_until is not None:
        told["priceValidUntil"] = variant.offer_until.isoformat()
    return told
