"""Goods, their prices and how many can be bought now."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router

from peyman.entrypoints import clock
from peyman.entrypoints.api import schemas
from peyman.entrypoints.api.guard import anyone
from peyman.kernel.text import normalise
from peyman.shop.catalog import queries
from peyman.shop.catalog.queries import VariantView
from peyman.shop.catalog.queries.suggest import suggest
from peyman.shop.media import rules as media

router = Router(tags=["goods"], auth=anyone)


@router.get("/products", response=schemas.ProductPage, operation_id="products")
def products(request: HttpRequest, asked: Query[schemas.ProductsAsk]) -> Any:
    """Goods on sale, what is sold out last. `next` of an answer is the `after` of what follows."""
    page = queries.list_cards(
        queries.Ask(
            q=asked.q,
            category=asked.category,
            brands=tuple(filter(None, asked.brand.split(","))),
            specs=tuple(map(normalise, asked.spec)),
            available_only=asked.available,
            sort=asked.sort,
            after=asked.after,
            limit=asked.limit,
        )
    )
    variants = queries.variants_of([card.slug for card in page.items])
    return {
        "items": [
            {
                "slug": card.slug,
                "title": card.title,
                "picture": _pictures(media.faces(card.picture)),
                "variants": [_variant(each) for each in variants[card.slug]],
            }
            for card in page.items
        ],
        "facets": {
            "categories": page.facets.categories,
            "brands": page.facets.brands,
            "specs": [{"name": one.name, "values": one.values, "more": one.more} for one in page.facets.filters],
            "price_min": page.facets.price_min,
            "price_max": page.facets.price_max,
            "available": page.facets.available,
        },
        "passed_over": list(page.passed_over),
        "next": page.next or None,
    }


@router.get("/products/{slug}", response=schemas.ProductWhole, operation_id="product")
def product(request: HttpRequest, slug: str) -> Any:
    """One product with all its variants; those that are not on sale have nothing available."""
    page = queries.product_page(slug, now=clock.now())
    return {
        "slug": page.slug,
        "title": page.title,
        "title_latin": page.title_latin,
        "brand": page.brand,
        "category": [crumb.title for crumb in page.crumbs],
        "attributes": {name: str(value) for name, value in page.attributes.items()},
        "description": page.description,
        "picture": _pictures(media.faces(page.picture)),
        "gallery": [_shot(shot) for shot in media.arranged(page.gallery)],
        "variants": [_variant(variant) for variant in page.variants],
    }


@router.get("/suggestions", response=schemas.Suggestions, operation_id="suggestions")
def suggestions(request: HttpRequest, asked: Query[schemas.SuggestionsAsk]) -> Any:
    """What may be meant while a search is being typed."""
    found = suggest(asked.q)
    return {
        "words": list(found.words),
        "categories": list(found.kinds),
        "brands": list(found.brands),
        "products": list(found.goods),
    }


def _shot(shot: media.Shot) -> dict[str, Any]:
    return {
        "kind": "video" if shot.is_video else "picture",
        "alt": shot.alt,
        "color": shot.color,
        "width": shot.width,
        "height": shot.height,
        "pictures": _pictures(shot.files),
        "video": settings.PUBLIC_URL + shot.address if shot.is_video else None,
    }


def _pictures(files: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"url": settings.PUBLIC_URL + address, "width": width} for address, width in files]


def _variant(variant: VariantView) -> dict[str, Any]:
    return {
        "sku": variant.sku,
        "title": variant.words,
        "price": variant.price,
        "list_price": variant.list_price,
        "available": variant.available,
    }
