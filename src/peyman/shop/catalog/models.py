"""Categories, brands, products, variants, and every price a variant ever had."""

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
    description = models.TextField(blank=True)
    age_mark = models.CharField(max_length=4, blank=True)  # "", "+3" … "+18"
    weight_g = models.PositiveIntegerField(null=True)
    drawing = models.CharField(max_length=40, blank=True)  # its own drawing; empty = its category's
    tint = models.CharField(max_length=2, blank=True)  # "", "v2", "v3", "v4": colours of the drawing
    origin = models.CharField(max_length=20, blank=True)  # where the record came from, in the words of its file
    source = models.CharField(max_length=40, blank=True)
    listed_on = models.DateField(null=True)
    is_on_sale = models.BooleanField(default=True)
    search_head = models.TextField(blank=True, default="")  # words of title, brand, model and category, in their order
    search_words = models.TextField(blank=True, default="")  # those and all others by which it is found, each once
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


class SearchWord(models.Model):
    """A word by which some product was ever found; `search` takes what people type for one of these."""

    LONGEST = 100

    text = models.CharField(max_length=LONGEST, unique=True)


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
    cheaper_at = models.DateTimeField(null=True, db_index=True)  # when the price last fell; empty after a rise
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
