"""Where a carrier goes, and what it may be asked to carry."""

from dataclasses import dataclass

from peyman.kernel.errors import Invalid


@dataclass(frozen=True)
class CarrierChoice:
    """The carrier a customer chose, its fee in rials, and the place as it is spelled in our list."""

    slug: str
    title: str
    fee: int
    province: str
    city: str
    is_express: bool = False  # to the street door (D53)


class NotCarried(Invalid):
    """No such place, or the carrier does not go there or not with that weight."""

    code, clause = "not_carried", "D68"
    says = "این شیوه ارسال برای نشانی شما نیست."


def goes_to(reach: str, *, is_center: bool, province: str, city: str) -> bool:
    """Return whether a carrier of this `reach` serves the city."""
    if reach == "all":
        return True
    if reach == "centers":
        return is_center
    return province == "تهران" and city == "تهران"
