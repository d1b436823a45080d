"""Which carriers may be chosen."""

from peyman.kernel.clauses import carries_out
from peyman.shop.shipping import places
from peyman.shop.shipping.models import Carrier
from peyman.shop.shipping.rules import CarrierChoice, NotCarried, goes_to


@carries_out("D68")
def offered(province: str = "", city: str = "", weight_g: int = 0) -> list[Carrier]:
    """Return the carriers that go to the city with `weight_g` grams, in their order (D68).

    Without a city: all that are offered anywhere. To an unknown city: none.
    """
    place = places.find(province, city) if city else None
    if city and place is None:
        return []
    rows = Carrier.objects.filter(is_offered=True, max_weight_g__gte=weight_g).order_by("position", "pk")
    if place is None:
        return list(rows)
    center = places.is_center(place.province, place.city)
    return [row for row in rows if goes_to(row.reach, is_center=center, province=place.province, city=place.city)]


def default_fee() -> int:
    """Return the fee, in rials, that a cart shows before a carrier is chosen: the first carrier's."""
    return Carrier.objects.filter(is_offered=True).order_by("position", "pk").values_list("fee", flat=True).first() or 0


def choice(slug: str, province: str, city: str, weight_g: int = 0) -> CarrierChoice:
    """Return the carrier chosen for a place, and the place as we spell it.

    Raises NotCarried, fields named, when the province or city is unknown or the carrier does not go there.
    """
    if not places.cities(province):
        raise NotCarried({"province": "استان را از میان استان‌های کشور برگزینید."})
    place = places.find(province, city)
    if place is None:
        raise NotCarried({"city": f"شهری به این نام در استان {province} نمی‌شناسیم؛ نزدیک‌ترین شهر را برگزینید."})
    if not slug:
        raise NotCarried({"carrier": "شیوه ارسال را برگزینید."})
    for carrier in offered(place.province, place.city, weight_g):
        if carrier.slug == slug:
            return CarrierChoice(
                carrier.slug, carrier.title, carrier.fee, place.province, place.city, carrier.is_express
            )
    raise NotCarried({"carrier": "این شیوه ارسال به این شهر یا با این وزن نمی‌رود؛ یکی از شیوه‌های فهرست را برگزینید."})
