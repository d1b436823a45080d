"""Goods are found by an index of words: FTS5 on SQLite, GIN over the words on PostgreSQL."""

from django.db import migrations, models

from peyman.shop.catalog.rules.search.texts import kind, texts

BATCH = 500


def write_words(apps, schema_editor):
    """Give the goods that are there their words."""
    product_model, word_model = apps.get_model("catalog", "Product"), apps.get_model("catalog", "SearchWord")
    forms = {}
    for key, color, size in apps.get_model("catalog", "Variant").objects.values_list("product_id", "color", "size"):
        forms.setdefault(key, []).extend((color, size))
    rows, words = [], set()
    for row in product_model.objects.select_related("brand", "category").iterator(chunk_size=BATCH):
        brand = row.brand
        found = texts(
            title=row.title,
            title_latin=row.title_latin,
            model=row.model,
            names=() if brand.slug == "misc" else (brand.name, brand.name_latin, *brand.aliases),
            category=row.category.title,
            path=row.category.path,
            attributes=row.attributes,
            variants=forms.get(row.pk, ()),
            kinds=[kind(row.category_id)],
        )
        row.search_head, row.search_words = found
        rows.append(row)
        words.update(word for word in found.words.split() if len(word) <= 100)
    product_model.objects.bulk_update(rows, ["search_head", "search_words"], batch_size=BATCH)
    word_model.objects.bulk_create([word_model(text=word) for word in sorted(words)], batch_size=BATCH)


def drop_trigrams(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS product_by_trigram")


def add_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX product_by_words ON catalog_product USING gin (string_to_array(search_words, ' '))"
        )
        return
    schema_editor.execute(
        "CREATE VIRTUAL TABLE catalog_found USING fts5 (search_words, content='catalog_product', content_rowid='id', "
        "detail='none', tokenize='unicode61 remove_diacritics 0')"
    )
    schema_editor.execute("INSERT INTO catalog_found (catalog_found) VALUES ('rebuild')")


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS product_by_words")
    else:
        for name in ("insert", "delete", "update"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS catalog_found_{name}")
        schema_editor.execute("DROP TABLE catalog_found")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_edition")]

    operations = [
        migrations.RunPython(drop_trigrams, migrations.RunPython.noop),
        migrations.RemoveField("product", "search_joined"),
        migrations.AddField("product", "search_head", models.TextField(blank=True, default="")),
        migrations.AlterField("product", "search_words", models.TextField(blank=True, default="")),
        migrations.CreateModel(
            name="SearchWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(max_length=100, unique=True)),
            ],
        ),
        migrations.RunPython(write_words, migrations.RunPython.noop),
        migrations.RunPython(add_index, drop_index),
    ]
