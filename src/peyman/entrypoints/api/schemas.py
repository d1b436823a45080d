"""What the API takes and gives. Money is whole rials, times are instants in UTC.

What a client sends is closed: a field that is not named here is refused, never passed over. Fields that a room
judges arrive here as they were typed, and are refused there, in the room's own words.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from ninja import Header, Schema
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StrictInt, StrictStr, WithJsonSchema

from peyman.entrypoints.api.reading import is_clean
from peyman.shop.catalog.rules.filters import MOST_ASKED

LARGEST = 2**63 - 1  # of a column


def _clean(value: str) -> str:
    if not is_clean(value):
        raise ValueError("control characters")
    return value


Rials = Annotated[StrictInt, Field(ge=0, le=LARGEST)]
Typed = Annotated[StrictStr, Field(max_length=400)]  # as somebody typed it
Number = Annotated[StrictStr | StrictInt, Field(description="Digits of any script, or a number.")]
Quantity = Annotated[
    Any,
    WithJsonSchema(
        {
            "title": "Quantity",
            "description": "A whole number of pieces; digits of any script as text are understood.",
            "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\d{1,4}$"}],
        }
    ),
]
Key = Annotated[str, Field(max_length=100, min_length=1, pattern=r"^[\x21-\x7e]+$")]
IdempotencyKey = Annotated[Key | None, Header(alias="Idempotency-Key")]
Words = Annotated[str, Field(max_length=200), AfterValidator(_clean)]  # in an address


class Taken(Schema):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid")


class Given(BaseModel):
    """What a client gets.

    Not a Schema of ninja's, which hands over each value of each object by a function in Python: most of what a
    list of goods took. Nothing here is a row of a database.
    """

    model_config = ConfigDict(from_attributes=True)


# ---- Log-in ----


class CodeAsk(Taken):
    mobile: Annotated[Typed, Field(examples=["09121234567"])]


class CodeSent(Given):
    """The same for every number, known or not."""

    expires_at: datetime


class TokenAsk(Taken):
    mobile: Typed
    code: Annotated[Typed, Field(examples=["123456"])]


class TokenGiven(Given):
    token: str
    expires_at: datetime


# ---- Goods ----


class VariantGiven(Given):
    sku: str
    title: str = Field(description="The words that make this variant: colour, size.")
    price: int
    list_price: int
    available: int = Field(description="Pieces that can be bought now. A cart reserves none.")


class PictureGiven(Given):
    url: str = Field(description="WebP; what it shows never changes.")
    width: int = Field(description="Pixels across, at most.")


class ShotGiven(Given):
    """A picture or a video of a product."""

    kind: Literal["picture", "video"]
    alt: str = Field(description="What is seen, in Persian.")
    color: str = Field(description="Of the variants that it shows; empty: of all.")
    width: int
    height: int
    pictures: list[PictureGiven] = Field(description="The narrowest first; of a video the one that stands for it.")
    video: str | None = Field(description="Where the film is: MP4 or WebM, in parts for who asks so.")


class ProductGiven(Given):
    slug: str
    title: str
    picture: list[PictureGiven] = Field(description="The main one in several widths; none: it has no picture.")
    variants: list[VariantGiven]


class Facet(Given):
    """A choice that narrows the list, and how many products it leaves."""

    slug: str
    title: str
    count: int
    chosen: bool


class SpecFacet(Given):
    """A filter by what goods are. Values of one are alternatives; several filters are all wanted."""

    name: str
    values: list[Facet] = Field(description="The `slug` is what to send as `spec`.")
    more: int = Field(description="Values that are not told; they may be sent all the same.")


class Facets(Given):
    categories: list[Facet]
    brands: list[Facet]
    specs: list[SpecFacet] = Field(
        description="By specification, colour, size and warranty, of a list that is searched or of one category."
    )
    price_min: int | None
    price_max: int | None
    available: int = Field(description="Products of the list that can be bought now.")


class ProductPage(Given):
    items: list[ProductGiven]
    facets: Facets
    passed_over: list[str] = Field(description="Values of `spec` that are no filter of this list, and narrow nothing.")
    next: str | None = Field(description="Send as `after` for what follows; null at the end.")


class ProductWhole(ProductGiven):
    title_latin: str
    brand: str
    category: list[str] = Field(description="Titles from the top.")
    attributes: dict[str, str]
    description: str
    gallery: list[ShotGiven]


class ProductsAsk(Schema):
    q: Words = ""
    category: Words = ""
    brand: Words = Field("", description="A slug, or several with commas.")
    spec: list[Words] = Field(
        default=[],
        max_length=MOST_ASKED,
        description="`name:value` as `facets.specs` tells them, or `name:low..high` for numbers; repeat it for more.",
    )
    sort: Literal["relevant", "newest", "cheapest", "dearest", "discount"] = "newest"
    available: bool = Field(False, description="Only what can be bought now.")
    after: Words = ""
    limit: int = Field(24, ge=1, le=100)


class SuggestionsAsk(Schema):
    q: Words = Field("", description="What was typed so far; of less than two letters nothing is proposed.")


class SuggestedPlace(Given):
    slug: str
    title: str


class SuggestedProduct(Given):
    slug: str
    title: str
    price: int = Field(description="Of the cheapest variant that can be bought, in rials.")


class Suggestions(Given):
    words: list[str] = Field(description="How the words could go on.")
    categories: list[SuggestedPlace]
    brands: list[SuggestedPlace]
    products: list[SuggestedProduct]


# ---- Half price ----


class HalfPriceAsk(Schema):
    object: Annotated[Words, Field(description="The path of the file, for instance apps/ir.example/12.apk.")]
    client_ip: Words = Field("", description="Instead of the address that asks; for staff of the tariff, with a token.")


class HalfPriceGiven(Given):
    allowed: bool
    wording: str = Field(description="What to show, word by word.")
    wording_version: int
    scope: str = Field(description="What to show beneath it.")
    reason: str = Field(description="Stable: `admitted`, or the first reason against it.")
    reason_text: str
    operator: str | None
    until: datetime = Field(description="Ask again then at the latest; minutes at most.")
    ticket: str | None = Field(description="Goes into the download's address; only where it is allowed.")


# ---- Cart ----


class LineGiven(Given):
    sku: str
    slug: str
    title: str
    quantity: int
    unit_price: int
    list_price: int
    available: int
    total: int
    offer_until: datetime | None = Field(None, description="When the offer whose price this is ends.")


class NoticeGiven(Given):
    """What changed since the cart was last read. `old` and `new`: unit prices; pieces for gone, fewer and limit."""

    kind: Literal["dearer", "cheaper", "gone", "fewer", "limit"]
    sku: str
    title: str
    old: int
    new: int


class Fees(Given):
    packing: int
    shipping: int
    insurance: int


class CartGiven(Given):
    lines: list[LineGiven]
    later: list[LineGiven] = Field(description="Put aside by the buyer: in no total, and in no order.")
    notices: list[NoticeGiven]
    goods_total: int
    fees: Fees
    total: int = Field(description="Send as `shown_total` when placing with the default carrier.")


class QuantityAsk(Taken):
    quantity: Quantity


# ---- Orders ----


class LineAsk(Taken):
    sku: Typed
    quantity: Quantity


_NEEDED: list[JsonValue] = [
    "recipient",
    "mobile",
    "province",
    "city",
    "street",
    "plate",
    "postal_code",
    "carrier",
]


class DeliveryAsk(Taken):
    """Missing ones are named all at once (clause D38); `landline` and `unit` may be left out."""

    # Defaults, so that the room names what is missing; the description says what is needed.
    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": _NEEDED})

    recipient: Typed = ""
    mobile: Typed = ""
    landline: Typed = ""
    province: Typed = ""
    city: Typed = ""
    street: Typed = ""
    plate: Number = ""
    unit: Number = ""
    postal_code: Number = ""
    carrier: Typed = Field("", description="`slug` of GET /carriers.")


class BuyerAsk(Taken):
    """An organisation gives its particulars too."""

    kind: Literal["individual", "legal_entity"] = "individual"
    name: Typed = ""
    national_id: Number = ""
    economic_code: Number = ""
    registration_number: Number = ""
    postal_code: Number = ""
    phone: Typed = ""


class OrderAsk(Taken):
    lines: list[LineAsk] | None = Field(None, max_length=100, description="Left out: what lies in the cart.")
    shown_total: Rials = Field(description="The total that the buyer saw: a rise above it is refused, a drop applied.")
    terms_version: Annotated[StrictInt, Field(ge=1, le=LARGEST)] = Field(description="Accepted by placing (D02).")
    delivery: DeliveryAsk
    buyer: BuyerAsk = BuyerAsk()


class DeliveryPart(Taken):
    """Fields of the delivery that were asked for; others are passed over."""

    recipient: Typed = ""
    mobile: Typed = ""
    landline: Typed = ""
    province: Typed = ""
    city: Typed = ""
    street: Typed = ""
    plate: Number = ""
    unit: Number = ""
    postal_code: Number = ""


class BuyerPart(Taken):
    """Particulars of an organisation that were asked for; that it is one, or none, cannot be changed."""

    name: Typed = ""
    national_id: Number = ""
    economic_code: Number = ""
    registration_number: Number = ""
    postal_code: Number = ""
    phone: Typed = ""


class DataAsk(Taken):
    delivery: DeliveryPart | None = None
    buyer: BuyerPart | None = None


class AskedField(Given):
    name: str = Field(description="Its path in the body of POST /orders/{order}/data.")
    title: str


class RequestGiven(Given):
    """What an incomplete order waits for."""

    fields: list[AskedField]
    note: str
    asked_at: datetime
    answer_until: datetime


class CancellationGiven(Given):
    """Why the shop ended the order."""

    reason: str
    title: str
    note: str
    clause: str
    at: datetime


class PromiseMove(Given):
    """A due time that moved after the promise was made: a day was closed or opened, or force majeure declared."""

    at: datetime
    due_from: datetime
    due_to: datetime
    held: bool = Field(description="From here on the clock stood until further notice.")
    why: Literal["holiday", "force_majeure", "order_incomplete"]
    calendar_version: int


class PromiseGiven(Given):
    id: str
    kind: str
    what: str = Field(description="The sentence the customer reads, Persian.")
    clause: str
    clause_number: str
    start: datetime
    hours: int
    hours_kind: Literal["working", "calendar"]
    due_at: datetime
    state: Literal["open", "kept", "broken", "waived"]
    kept_at: datetime | None
    held_since: datetime | None = Field(
        description="Since then its clock stands (force majeure); `due_at` is what it would be if it ran on."
    )
    pauses: list[str] = Field(description="Codes of the declared periods that lie in its way.")
    moves: list[PromiseMove] = Field(description="Oldest first.")


State = Literal[
    "registered",
    "incomplete",
    "expired",
    "short",
    "final",
    "processed",
    "handed_over",
    "delivered",
    "cancelled",
    "void",
]


class OrderBrief(Given):
    order: str
    state: State
    total: int
    cart_code: str | None
    placed_at: datetime
    pay_until: datetime
    promises: list[PromiseGiven]


class OrderLineGiven(Given):
    sku: str
    title: str
    quantity: int
    unit_price: int
    placed_price: int
    total: int
    is_gone: bool = Field(description="It ran out after the order (D28).")


class DeliveryGiven(Given):
    recipient: str
    mobile: str
    landline: str
    province: str
    city: str
    street: str
    plate: str
    unit: str
    postal_code: str
    carrier: str
    carrier_title: str
    is_express: bool = Field(description="Delivered at the street door of the building (D53).")


class Step(Given):
    """What happened to the order. Without an instant: what is ahead."""

    event: str
    state: State
    at: datetime | None
    clause: str


class OrderGiven(OrderBrief):
    terms_version: int
    shown_total: int
    goods_total: int
    fees: Fees
    lines: list[OrderLineGiven]
    delivery: DeliveryGiven
    buyer: dict[str, str]
    processing_date: date
    final_at: datetime | None
    road: list[Step]
    vat_included: int = Field(description="The part of `total` that is value added tax, in rials.")
    request: RequestGiven | None = Field(description="Of an incomplete order: what is asked for, and until when.")
    cancellation: CancellationGiven | None = Field(description="Of an order that the shop cancelled.")


class OrderPage(Given):
    items: list[OrderBrief]
    next: str | None


class Nothing(Taken):
    """An empty object, or no body at all."""


class PaymentAsk(Taken):
    gateway: Annotated[Typed, Field(examples=["zarinpal"])]
    shown_total: Rials | None = Field(None, description="The total now agreed to, where prices moved after placing.")


class PaymentGiven(Given):
    payment: str
    redirect_url: str = Field(description="Send the buyer's browser there; it comes back to /pay/{gateway}/callback.")


# ---- Terms, carriers ----


class TermsGiven(Given):
    version: int
    title: str
    sha256: str
    effective_at: datetime
    parameters: dict[str, int | str]
    url: str


class CarrierGiven(Given):
    slug: str
    title: str
    note: str
    fee: int
    is_express: bool = Field(description="Delivers at the street door of the building (D53).")


class CarriersAsk(Schema):
    province: Words = ""
    city: Words = ""


class CarrierList(Given):
    items: list[CarrierGiven]
