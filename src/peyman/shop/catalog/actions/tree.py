"""Categories with their specifications, and brands, as staff write them: one transaction for each act, with history."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from peyman.kernel import text
from peyman.kernel.errors import Invalid, Missing
from peyman.shop.catalog import rules
from peyman.shop.catalog.actions.history import Kind, Subject, check_seen, remember
from peyman.shop.catalog.actions.prices import bump, turn
from peyman.shop.catalog.actions.search import index
from peyman.shop.catalog.models import Brand, CatalogChange, Category, CategoryAttribute, Product
from peyman.shop.catalog.rules import goods
from peyman.shop.catalog.rules.changes import ATTRIBUTE, CREATED, Difference, differences
from peyman.shop.catalog.rules.specs import Spec, spec_words

_TAKEN = "این نامک گرفته شده است؛ نامک دیگری بنویسید."


# ---- Categories ----


def add_category(*, typed: Mapping[str, str], by: str, now: datetime) -> Category:
    """Add a category, at the top or below another. Raises Invalid."""
    try:
        with transaction.atomic():
            return _add_category(typed, by, now)
    except IntegrityError as lost:
        raise Invalid({"slug": _TAKEN}) from lost


def _add_category(typed: Mapping[str, str], by: str, now: datetime) -> Category:
    reader = goods.read_category(typed, rules.drawings(), is_new=True)
    parent = _parent(reader)
    if Category.objects.filter(slug=reader.values.get("slug")).exists():
        reader.refuse("slug", _TAKEN)
    _check_place(reader, parent, below=1)
    values = reader.done()
    category = Category.objects.create(
        slug=values["slug"],
        title=values["title"],
        parent=parent,
        path=goods.path_of(parent.path if parent else "", values["title"]),
        level=parent.level + 1 if parent else 1,
        drawing=values["drawing"] or (parent.drawing if parent else rules.PLAIN_BOX),
        is_on_sale=parent.is_on_sale if parent else True,
    )
    subject = Subject(Kind.CATEGORY, category.slug)
    remember([(subject, [Difference(CREATED, "", category.path)])], why="", by=by, now=now)
    turn()
    return category


@transaction.atomic
def save_category(
    *, slug: str, typed: Mapping[str, str], seen: int, why: str, by: str, now: datetime
) -> list[CatalogChange]:
    """Rename, move or redraw a category; the paths of all below it follow, and so do the words of their goods.

    Raises Invalid (also for a category that would come to stand below itself), Missing, ChangedMeanwhile.
    """
    tree = {row.slug: row for row in Category.objects.select_for_update().order_by("pk")}  # all: paths hang together
    category = tree.get(slug)
    if category is None:
        raise Missing
    check_seen(Kind.CATEGORY, slug, seen)
    reader = goods.read_category(typed, rules.drawings(), is_new=False)
    parent = _parent(reader)
    below = _below(category, tree.values())
    if parent is not None and parent.pk in {category.pk, *(row.pk for row in below)}:
        reader.values.pop("parent")
        reader.refuse("parent", "دسته نمی‌تواند زیر خودش یا زیر یکی از دسته‌های پایین‌تر خودش برود.")
        parent = None
    depth = max((row.level for row in below), default=category.level) - category.level + 1
    _check_place(reader, parent, below=depth, itself=category)
    reason = goods.check_why(why, is_needed=False)
    values = reader.done()
    above = {row.pk: row.path for row in tree.values()}.get(category.parent_id or 0, "")
    new = {"title": values["title"], "parent": parent.path if parent else "", "drawing": _drawing(values, category)}
    found = differences({"title": category.title, "parent": above, "drawing": category.drawing}, new)
    if not found:
        return []
    was = category.path
    category.title, category.drawing, category.parent = new["title"], new["drawing"], parent
    category.path = goods.path_of(new["parent"], category.title)
    level = parent.level + 1 if parent else 1
    moved = level - category.level
    category.level = level
    for row in below:
        row.path, row.level = category.path + row.path[len(was) :], row.level + moved
    if any(len(row.path) > goods.LONGEST_PATH for row in (category, *below)):
        raise Invalid({"title": "مسیر این دسته یا یکی از دسته‌های زیر آن بیش از اندازه بلند می‌شود؛ نام را کوتاه کنید."})
    Category.objects.bulk_update([category, *below], ["title", "drawing", "parent", "path", "level"], batch_size=200)
    changes = remember([(Subject(Kind.CATEGORY, slug), found)], why=reason, by=by, now=now)
    _again(Product.objects.filter(category__in=[category.pk, *(row.pk for row in below)]).values_list("pk", flat=True))
    return changes


def _drawing(values: Mapping[str, Any], category: Category) -> str:
    return str(values["drawing"] or category.drawing)


def _parent(reader: goods.Reader) -> Category | None:
    slug = reader.values.get("parent")
    if not slug:
        return None
    parent = Category.objects.filter(slug=slug).first()
    if parent is None:
        reader.refuse("parent", "چنین دسته‌ای نیست؛ از فهرست برگزینید.")
    return parent


def _check_place(reader: goods.Reader, parent: Category | None, *, below: int, itself: Category | None = None) -> None:
    """Keep the tree as low as pages read it, and the titles of sisters apart: files name categories by their path."""
    if (parent.level if parent else 0) + below > goods.MOST_LEVELS:
        reader.refuse("parent", "درخت دسته‌ها سه پایه دارد؛ آن را زیر دسته بالاتری بگذارید.")
    title = reader.values.get("title")
    if title and not any(letter.isalpha() for letter in title):
        reader.refuse("title", "نام دسته را با حرف بنویسید؛ عدد تنها نام نیست.")
    sisters = Category.objects.filter(parent=parent)
    if itself is not None:
        sisters = sisters.exclude(pk=itself.pk)
    names = {text.search_joined(name) for name in sisters.values_list("title", flat=True)}
    if title and text.search_joined(title) in names:
        reader.refuse("title", "دسته دیگری در همین‌جا همین نام را دارد.")


def _below(category: Category, rows: Iterable[Category]) -> list[Category]:
    """All categories below this one, an upper before a lower."""
    children: dict[int | None, list[Category]] = {}
    for row in rows:
        children.setdefault(row.parent_id, []).append(row)
    found: list[Category] = []
    waiting = list(children.get(category.pk, []))
    while waiting:
        row = waiting.pop(0)
        found.append(row)
        waiting += children.get(row.pk, [])
    return found


def _again(products: Iterable[int]) -> None:
    """Write the words of these products anew, and let what was rendered of them be stale."""
    keys = list(products)
    index(keys)
    bump(keys)


# ---- Specifications of a category ----


@transaction.atomic
def save_attribute(*, slug: str, typed: Mapping[str, str], seen: int, by: str, now: datetime) -> CategoryAttribute:
    """Add a specification to a category, or change the one of this name. Raises Invalid, Missing, ChangedMeanwhile."""
    category = _held(slug)
    check_seen(Kind.CATEGORY, slug, seen)
    spec = goods.read_attribute(typed, category=slug)
    rows = CategoryAttribute.objects.filter(category=category)
    names = {text.search_joined(name): name for name in rows.values_list("name", flat=True)}
    name = names.get(text.search_joined(spec.name), spec.name)
    if name not in names.values() and len(names) >= goods.MOST_CHOICES:
        raise Invalid({"name": "این دسته بیش از اندازه مشخصه دارد؛ یکی را بردارید."})
    position = goods.read_position(typed.get("position", ""))
    if position is None:
        last = rows.aggregate(last=Max("position"))["last"]
        position = 10 if last is None else last + 10
    row, is_new = CategoryAttribute.objects.get_or_create(
        category=category, name=name, defaults={**_columns(spec), "position": position}
    )
    before = "" if is_new else spec_words(_spec(row)) + _place(row.position)
    if not is_new:
        if not typed.get("position", "").strip():
            position = row.position
        for column, value in {**_columns(spec), "position": position}.items():
            setattr(row, column, value)
        row.save(update_fields=[*_columns(spec), "position"])
    after = spec_words(_spec(row)) + _place(row.position)
    if before != after:
        subject = Subject(Kind.CATEGORY, slug)
        remember([(subject, [Difference(ATTRIBUTE + name, before, after)])], why="", by=by, now=now)
        turn()
    return row


@transaction.atomic
def remove_attribute(*, slug: str, name: str, by: str, now: datetime) -> None:
    """Ask for a specification no longer; what goods say of it stays with them. Raises Missing."""
    category = _held(slug)
    row = CategoryAttribute.objects.filter(category=category, name=name).first()
    if row is None:
        raise Missing
    before = spec_words(_spec(row)) + _place(row.position)
    row.delete()
    subject = Subject(Kind.CATEGORY, slug)
    remember([(subject, [Difference(ATTRIBUTE + name, before, "")])], why="", by=by, now=now)
    turn()


def _held(slug: str) -> Category:
    category = Category.objects.select_for_update().filter(slug=slug).first()
    if category is None:
        raise Missing
    return category


def _columns(spec: Spec) -> dict[str, Any]:
    return {
        "kind": spec.kind,
        "unit": spec.unit,
        "choices": list(spec.choices),
        "is_required": spec.is_required,
        "is_filter": spec.is_filter,
    }


def _spec(row: CategoryAttribute) -> Spec:
    return Spec(row.name, row.kind, row.unit, tuple(row.choices), row.is_required, row.is_filter)


def _place(position: int) -> str:
    return f"، جای {position}"


# ---- Brands ----


def add_brand(*, typed: Mapping[str, str], by: str, now: datetime) -> Brand:
    """Add a brand. Raises Invalid."""
    try:
        with transaction.atomic():
            reader = goods.read_brand(typed, is_new=True)
            if Brand.objects.filter(slug=reader.values.get("slug")).exists():
                reader.refuse("slug", _TAKEN)
            _check_names(reader, "")
            values = reader.done()
            brand = Brand.objects.create(**values)
            subject = Subject(Kind.BRAND, brand.slug)
            remember([(subject, [Difference(CREATED, "", brand.name)])], why="", by=by, now=now)
            turn()
            return brand
    except IntegrityError as lost:
        raise Invalid({"slug": _TAKEN}) from lost


@transaction.atomic
def save_brand(
    *, slug: str, typed: Mapping[str, str], seen: int, why: str, by: str, now: datetime
) -> list[CatalogChange]:
    """Rename a brand, or tell its other names; the words of its goods follow.

    Raises Invalid, Missing, ChangedMeanwhile.
    """
    brand = Brand.objects.select_for_update().filter(slug=slug).first()
    if brand is None:
        raise Missing
    check_seen(Kind.BRAND, slug, seen)
    reader = goods.read_brand(typed, is_new=False)
    _check_names(reader, slug)
    reason = goods.check_why(why, is_needed=False)
    values = reader.done()
    found = differences({name: getattr(brand, name) for name in values}, values)
    if not found:
        return []
    for name, value in values.items():
        setattr(brand, name, value)
    brand.save(update_fields=list(values))
    changes = remember([(Subject(Kind.BRAND, slug), found)], why=reason, by=by, now=now)
    _again(Product.objects.filter(brand=brand).values_list("pk", flat=True))
    return changes


def _check_names(reader: goods.Reader, slug: str) -> None:
    """Let no two brands answer to one name: a file that names it would mean neither."""
    taken: dict[str, str] = {}
    for name, latin, aliases in Brand.objects.exclude(slug=slug).values_list("name", "name_latin", "aliases"):
        taken |= {text.search_joined(each): name for each in (name, latin, *aliases) if each}
    for field in ("name", "name_latin", "aliases"):
        told = reader.values.get(field) or ""
        for each in told if isinstance(told, list) else [told]:
            other = taken.get(text.search_joined(each)) if each else None
            if other:
                reader.refuse(field, f"برند «{other}» هم به نام «{each}» خوانده می‌شود؛ هر نام از آن یک برند است.")
