"""Keeping the list of carriers."""

from django.db import transaction

from peyman.shop.shipping.models import Carrier

# What an installation begins with; staff change it from there. Fees in rials.
FIRST = [
    ("post-pishtaz", "پست پیشتاز", "۲ تا ۵ روز کاری، همه شهرها", "all", 720_000, 30_000),
    ("post-vizheh", "پست ویژه", "۱ تا ۲ روز کاری، مراکز استان‌ها", "centers", 980_000, 30_000),
    ("tipax", "تیپاکس", "۱ تا ۳ روز کاری، همه شهرها", "all", 1_250_000, 50_000),
    ("own-fleet", "پیک فروشگاه", "همان روز کاری، شهر تهران", "tehran", 1_450_000, 60_000),
    ("barbari", "باربری", "۲ تا ۷ روز کاری، کالای حجیم", "all", 4_900_000, 2_000_000),
]
EXPRESS = frozenset({"own-fleet"})  # on the same working day, to the street door (D53)


@transaction.atomic
def load_first() -> int:
    """Offer the first carriers where there are none yet. Returns how many were added."""
    if Carrier.objects.exists():
        return 0
    rows = [
        Carrier(
            slug=slug,
            title=title,
            note=note,
            reach=reach,
            fee=fee,
            max_weight_g=weight,
            position=place,
            is_express=slug in EXPRESS,
        )
        for place, (slug, title, note, reach, fee, weight) in enumerate(FIRST)
    ]
    return len(Carrier.objects.bulk_create(rows, ignore_conflicts=True))
