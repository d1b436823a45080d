"""Specifications by category with their sources, a history of changes, former addresses, and runs of the import.

On the goods there are also columns that `shop.media` and `shop.offers` write.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0004_search"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file_name", models.CharField(max_length=200)),
                ("file", models.CharField(max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("checking", "Checking"),
                            ("checked", "Checked"),
                            ("importing", "Importing"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("dropped", "Dropped"),
                        ],
                        default="checking",
                        max_length=10,
                    ),
                ),
                ("about", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0)),
                ("counts", models.JSONField(default=dict)),
                ("unknown", models.JSONField(default=list)),
                ("fault", models.CharField(blank=True, max_length=400)),
                ("by", models.CharField(max_length=60)),
                ("at", models.DateTimeField()),
                ("started_by", models.CharField(blank=True, max_length=60)),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("busy_until", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="product",
            name="gallery",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="product",
            name="picture",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="product",
            name="sources",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="variant",
            name="offer_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="variant",
            name="price_reference",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.CreateModel(
            name="FormerSlug",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=120, unique=True)),
                ("at", models.DateTimeField()),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="former_slugs", to="catalog.product"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CatalogChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("category", "Category"),
                            ("brand", "Brand"),
                            ("product", "Product"),
                            ("variant", "Variant"),
                        ],
                        max_length=8,
                    ),
                ),
                ("key", models.CharField(max_length=80)),
                ("field", models.CharField(max_length=120)),
                ("old", models.TextField(blank=True)),
                ("new", models.TextField(blank=True)),
                ("why", models.CharField(blank=True, max_length=300)),
                ("source", models.CharField(blank=True, max_length=340)),
                ("is_correction", models.BooleanField(default=False)),
                ("by", models.CharField(max_length=120)),
                ("at", models.DateTimeField()),
                (
                    "product",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changes",
                        to="catalog.product",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["kind", "key", "id"], name="change_by_key"),
                    models.Index(
                        condition=models.Q(("is_correction", True)),
                        fields=["product", "id"],
                        name="correction_by_product",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CategoryAttribute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                (
                    "kind",
                    models.CharField(
                        choices=[("text", "Text"), ("number", "Number"), ("choice", "Choice"), ("flag", "Flag")],
                        max_length=8,
                    ),
                ),
                ("unit", models.CharField(blank=True, max_length=20)),
                ("choices", models.JSONField(default=list)),
                ("is_required", models.BooleanField(default=False)),
                ("is_filter", models.BooleanField(default=False)),
                ("position", models.PositiveIntegerField(default=0)),
                (
                    "category",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attributes", to="catalog.category"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("category", "name"), name="one_attribute_of_a_name")],
            },
        ),
        migrations.CreateModel(
            name="ImportRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("record", models.PositiveIntegerField()),
                ("line", models.PositiveIntegerField()),
                ("sku", models.CharField(blank=True, max_length=60)),
                ("outcome", models.CharField(max_length=8)),
                ("codes", models.JSONField(default=list)),
                ("fields", models.JSONField(default=list)),
                ("expected", models.JSONField(default=dict)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rows", to="catalog.importrun"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["run", "outcome", "record"], name="import_row_by_outcome")],
                "constraints": [models.UniqueConstraint(fields=("run", "record"), name="one_row_of_a_record")],
            },
        ),
    ]
