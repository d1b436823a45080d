"""Categories, brands, products, variants, every price a variant ever had, and whatever was changed in their words."""

from django.db import models
from django.db.models import F, Q


class Category(models.Model):
    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    path = models.CharField(max_length=400)  # titles from the top, " > " between
    level = models.PositiveSmallIntegerField()
    drawing = models.CharField(max_length=40, blank=True)  # key of the drawing its goods fall back to
    is_on_sale = models.BooleanField(default=True)  # off: goods that arrive later do not go on sale either


class CategoryAttribute(models.Model):
    """What the goods of a category, and of all below it, have specifications of. A category's own goes before one
    of the same name above it.
    """

    class Kind(models.TextChoices):
        TEXT = "text"
        NUMBER = "number"  # with `unit`, if it has one
        CHOICE = "choice"  # one of `choices`
        FLAG = "flag"  # yes or no

    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="attributes")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    unit = models.CharField(max_length=20, blank=True)
    choices = models.JSONField(default=list)
    is_required = models.BooleanField(default=False)
    is_filter = models.BooleanField(default=False)  # narrows lists
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["category", "name"], name="one_attribute_of_a_name")]


class Brand(models.Model):
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)  # Persian
    name_latin = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=80, blank=True)
    aliases = models.JSONField(default=list)


class Product(models.Model):
    """A family of variants: one title, one page."""

    code = models.CharField(max_length=40, unique=True)
    slug = models.SlugField(max_length=120, unique=True)
    title = models.CharField(max_length=250)
    title_latin = models.CharField(max_length=250, blank=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="products")
    model = models.CharField(max_length=120, blank=True)
    attributes = models.JSONField(default=dict)  # Persian name -> value, in order
    sources = models.JSONField(default=dict)  # name of an attribute -> [kind of its source, reference] (D113)
    description = models.TextField(blank=True)
    age_mark = models.CharField(max_length=4, blank=True)  # "", "+3" … "+18"
    weight_g = models.PositiveIntegerField(null=True)
    drawing = models.CharField(max_length=40, blank=True)  # its own drawing; empty = its category's
    tint = models.CharField(max_length=2, blank=True)  # "", "v2", "v3", "v4": colours of the drawing
    picture = models.CharField(max_length=40, blank=True)  # key of the main picture; written only by `shop.media`
    gallery = models.JSONField(default=list)  # all pictures, {key, alt, w, h, kind}; written only by `shop.media`
    origin = models.CharField(max_length=20, blank=True)  # where the record came from, in the words of its file
    source = models.CharField(max_length=40, blank=True)
    listed_on = models.DateField(null=True)
    is_on_sale = models.BooleanField(default=True)
    search_head = models.TextField(blank=True, default="")  # words of title, brand, model and category, in their order
    search_words = models.TextField(blank=True, default="")  # those and all others by which it is found, each once
    attribute_values = models.TextField(blank=True, default="")  # signs of its `AttributeValue`s, a space between
    version = models.PositiveIntegerField(default=1)  # bumped by any change of what a card or page shows

    # SQLite's index of words follows the column by itself, whoever writes; PostgreSQL indexes the column.
    sqlite_triggers = {
        "catalog_found_insert": (
            "AFTER INSERT ON catalog_product "
            "BEGIN INSERT INTO catalog_found (rowid, search_words) VALUES (new.id, new.search_words); END"
        ),
        "catalog_found_delete": (
            "AFTER DELETE ON catalog_product BEGIN INSERT INTO catalog_found (catalog_found, rowid, search_words) "
            "VALUES ('delete', old.id, old.search_words); END"
        ),
        "catalog_found_update": (
            "AFTER UPDATE OF search_words ON catalog_product WHEN old.search_words <> new.search_words "
            "BEGIN INSERT INTO catalog_found (catalog_found, rowid, search_words) "
            "VALUES ('delete', old.id, old.search_words); "
            "INSERT INTO catalog_found (rowid, search_words) VALUES (new.id, new.search_words); END"
        ),
    }

    class Meta:
        indexes = [
            models.Index(fields=["category", "listed_on"], name="product_by_category"),
            models.Index(fields=["brand"], name="product_by_brand"),
            models.Index(fields=["-listed_on", "-id"], name="product_by_listing"),
        ]


class FormerSlug(models.Model):
    """An address that a product had before; it leads to where the product is now."""

    slug = models.SlugField(max_length=120, unique=True)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="former_slugs")
    at = models.DateTimeField()


class SearchWord(models.Model):
    """A word by which some product was ever found; `search` takes what people type for one of these."""

    LONGEST = 100

    text = models.CharField(max_length=LONGEST, unique=True)


class AttributeValue(models.Model):
    """A value that some product ever had of a specification; lists are narrowed by it.

    The sign is made of name and value (`rules.filters.token`), so whoever writes needs to ask for none.
    """

    sign = models.CharField(max_length=12, primary_key=True)
    name_key = models.CharField(max_length=80, db_index=True)  # of the name, whatever its spelling
    name = models.CharField(max_length=80)
    value = models.CharField(max_length=100)


class Variant(models.Model):
    """The thing one buys. Prices are whole rials and multiples of ten (a toman has no parts)."""

    sku = models.CharField(max_length=40, unique=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="variants")
    color = models.CharField(max_length=60, blank=True)
    size = models.CharField(max_length=60, blank=True)
    warranty = models.CharField(max_length=160, blank=True)
    price = models.BigIntegerField()
    list_price = models.BigIntegerField()  # struck out where it is above `price`
    price_basis = models.CharField(max_length=8, choices=[("approved", "approved"), ("market", "market")])
    price_reference = models.CharField(max_length=300, blank=True)  # whose approval, or which similar goods (D117)
    cheaper_at = models.DateTimeField(null=True, db_index=True)  # when the price last fell; empty after a rise
    offer_until = models.DateTimeField(null=True)  # end of the running offer; written only by `shop.offers`
    is_on_sale = models.BooleanField(default=True)
    image_hint = models.CharField(max_length=120, blank=True)  # slug or slug/colour of the source file
    spec_source = models.CharField(max_length=20, blank=True)  # manufacturer, distributor, editorial
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="price_is_positive", condition=Q(price__gt=0)),
            models.CheckConstraint(name="list_price_is_not_below_price", condition=Q(list_price__gte=F("price"))),
        ]


class Edition(models.Model):
    """How often the catalogue changed: one row, turned by every change of a price, a word or a switch.

    Lists are remembered under it. Selling does not touch it until something is sold out.
    """

    number = models.BigIntegerField(default=0)


class PriceChange(models.Model):
    """A price from an instant on, until the next one (D122)."""

    append_only = True

    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="price_changes")
    price = models.BigIntegerField()
    list_price = models.BigIntegerField()
    reason = models.CharField(max_length=40)
    by = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["variant", "at"], name="one_price_at_an_instant")]


class SaleSwitch(models.Model):
    """Who stopped or resumed selling what, and why (D27)."""

    append_only = True

    class Scope(models.TextChoices):
        SHOP = "shop"  # everything; `key` is empty
        CATEGORY = "category"  # with all below it; `key` is its slug
        PRODUCT = "product"  # `key` is its code
        VARIANT = "variant"  # `key` is its SKU

    scope = models.CharField(max_length=8, choices=Scope.choices)
    key = models.CharField(max_length=80, blank=True)
    is_on = models.BooleanField()
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["scope", "key", "id"], name="sale_switch_by_key")]


class CatalogChange(models.Model):
    """What was changed in the words of the catalogue: by whom, when, from what to what, and why.

    `field` is the column, or "attributes/<name>" and "sources/<name>"; `old` and `new` are as a reader sees them, ""
    where there was nothing. A correction is a change of a specification of a product that had been sold already;
    those are public, with their source (D113).
    """

    append_only = True

    class Kind(models.TextChoices):
        CATEGORY = "category"  # `key` is its slug
        BRAND = "brand"  # its slug
        PRODUCT = "product"  # its code
        VARIANT = "variant"  # its SKU

    kind = models.CharField(max_length=8, choices=Kind.choices)
    key = models.CharField(max_length=80)
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, related_name="changes"
    )  # also a variant's
    field = models.CharField(max_length=120)
    old = models.TextField(blank=True)
    new = models.TextField(blank=True)
    why = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=340, blank=True)  # of a specification: kind and reference, as they are now
    is_correction = models.BooleanField(default=False)
    by = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["kind", "key", "id"], name="change_by_key"),
            models.Index(fields=["product", "id"], name="correction_by_product", condition=Q(is_correction=True)),
        ]


class ImportRun(models.Model):
    """A catalogue file that staff handed in: looked through first, brought in when somebody says so."""

    class State(models.TextChoices):
        CHECKING = "checking"  # waits for the worker, or is looked through
        CHECKED = "checked"
        IMPORTING = "importing"
        DONE = "done"
        FAILED = "failed"  # cannot be read; `fault` says why
        DROPPED = "dropped"

    file_name = models.CharField(max_length=200)  # as it was called where it came from
    file = models.CharField(max_length=120)  # below PEYMAN_DATA
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHECKING)
    about = models.PositiveIntegerField(default=0)  # records, as far as the file tells
    done = models.PositiveIntegerField(default=0)  # records of this state's work
    counts = models.JSONField(default=dict)
    unknown = models.JSONField(default=list)  # columns that were passed over
    fault = models.CharField(max_length=400, blank=True)
    by = models.CharField(max_length=60)
    at = models.DateTimeField()
    started_by = models.CharField(max_length=60, blank=True)  # who had it brought in
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)  # a worker has it in hand


class ImportRow(models.Model):
    """What becomes, or became, of one record of such a file."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="rows")
    record = models.PositiveIntegerField()
    line = models.PositiveIntegerField()
    sku = models.CharField(max_length=60, blank=True)
    outcome = models.CharField(max_length=8)
    codes = models.JSONField(default=list)
    fields = models.JSONField(default=list)
    expected = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "record"], name="one_row_of_a_record")]
        indexes = [models.Index(fields=["run", "outcome", "record"], name="import_row_by_outcome")]
