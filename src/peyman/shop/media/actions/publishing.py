"""What of a product's pictures its pages show, written on the product itself, so that no page asks for it."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import F

from peyman.shop.catalog.actions.prices import turn
from peyman.shop.catalog.models import Product
from peyman.shop.media.models import MediaFile, ProductMedia

READY = MediaFile.State.READY
PICTURE = MediaFile.Kind.PICTURE

Gallery = list[dict[str, Any]]


def hold(product_id: int) -> None:
    """Let others who change this product's pictures wait; whatever was rendered of it is stale."""
    Product.objects.filter(pk=product_id).update(version=F("version") + 1)


def publish(products: Iterable[int]) -> None:
    """Write down what these products show; the last step of a transaction that holds them."""
    for product_id, (gallery, picture) in galleries(sorted(set(products))).items():
        Product.objects.filter(pk=product_id).update(gallery=gallery, picture=picture)
    turn()


def galleries(products: Sequence[int]) -> dict[int, tuple[Gallery, str]]:
    """Return product → its gallery and the key of its main picture, "" without one. One query."""
    found: dict[int, tuple[Gallery, str]] = {product_id: ([], "") for product_id in products}
    shown = ProductMedia.objects.filter(product_id__in=products, removed_at=None, file__state=READY).exclude(alt="")
    for row in shown.select_related("file", "poster").order_by("position", "pk"):
        item = _item(row)
        if item:
            gallery, picture = found[row.product_id]
            found[row.product_id] = ([*gallery, item], picture or (item["key"] if item["kind"] == PICTURE else ""))
    return found


def _item(row: ProductMedia) -> dict[str, Any] | None:
    file = row.file
    item = {"key": file.key, "alt": row.alt, "w": file.width, "h": file.height, "color": row.color}
    if file.kind == PICTURE:
        return {**item, "kind": "picture"}
    if row.poster is None or row.poster.state != READY:
        return None
    return {**item, "kind": file.form, "poster": row.poster.key}
