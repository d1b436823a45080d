"""The words under which goods are found, and the values by which they are narrowed, are written anew whenever what they
are made of changed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from peyman.shop.catalog.actions.prices import CHUNK, chunks
from peyman.shop.catalog.models import AttributeValue, Product, SearchWord, Variant
from peyman.shop.catalog.rules.filters import key_of, tokens
from peyman.shop.catalog.rules.search.texts import kind, texts


def index(products: Iterable[int]) -> None:
    """Write the words and values of these products, by key, and learn them.

    Five queries for 400 products, two where nothing changed.
    """
    for keys in chunks(sorted(set(products))):
        forms: dict[int, list[str]] = defaultdict(list)
        for product, color, size in Variant.objects.filter(product_id__in=keys).values_list(
            "product_id", "color", "size"
        ):
            forms[product] += [color, size]
        rows = list(Product.objects.select_related("brand", "category").filter(pk__in=keys))
        changed, words, values = [], set[str](), dict[str, tuple[str, str]]()
        for row in rows:
            found = texts(
                title=row.title,
                title_latin=row.title_latin,
                model=row.model,
                names=() if row.brand.slug == "misc" else (row.brand.name, row.brand.name_latin, *row.brand.aliases),
                category=row.category.title,
                path=row.category.path,
                attributes=row.attributes,
                variants=forms[row.pk],
                kinds=[kind(row.category_id)],
            )
            told = tokens(row.attributes)
            signs = " ".join(told)
            if (row.search_head, row.search_words, row.attribute_values) != (*found, signs):
                row.search_head, row.search_words = found
                row.attribute_values = signs
                words.update(found.words.split())
                values |= told
                changed.append(row)
        if changed:
            learn(words)
            learn_values(values)
            Product.objects.bulk_update(changed, ["search_head", "search_words", "attribute_values"])


def learn(words: Iterable[str]) -> None:
    """Remember words, so that others can be taken for them. What is known already stays."""
    SearchWord.objects.bulk_create(
        [SearchWord(text=word) for word in sorted(set(words)) if len(word) <= SearchWord.LONGEST],
        ignore_conflicts=True,
        batch_size=CHUNK,
    )


def learn_values(values: Mapping[str, tuple[str, str]]) -> None:
    """Remember values of specifications by their signs. What is known already stays."""
    rows = [
        AttributeValue(sign=sign, name_key=key_of(name)[:80], name=name, value=value)
        for sign, (name, value) in sorted(values.items())
    ]
    AttributeValue.objects.bulk_create(rows, ignore_conflicts=True, batch_size=CHUNK // 2)
