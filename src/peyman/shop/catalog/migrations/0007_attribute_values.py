"""Goods carry signs of the values of their specifications, by which lists are narrowed; those that are there get theirs.

Nothing else is changed by it, so it may run while the shop sells; what an older process writes meanwhile gets its
signs with its next change. The way back drops column and table.
"""

from django.db import migrations, models

from peyman.shop.catalog.rules.filters import key_of, tokens

BATCH = 500


def write_values(apps, schema_editor):
    product_model, value_model = apps.get_model("catalog", "Product"), apps.get_model("catalog", "AttributeValue")
    known = set()
    last = 0
    while True:
        rows = product_model.objects.filter(pk__gt=last).order_by("pk").only("pk", "attributes")[:BATCH]
        rows = list(rows)
        if not rows:
            return
        fresh = []
        for row in rows:
            told = tokens(row.attributes)
            row.attribute_values = " ".join(told)
            for sign, (name, value) in told.items():
                if sign not in known:
                    known.add(sign)
                    fresh.append(value_model(sign=sign, name_key=key_of(name)[:80], name=name, value=value))
        value_model.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=BATCH // 3)
        product_model.objects.bulk_update(
            [row for row in rows if row.attribute_values], ["attribute_values"], batch_size=BATCH // 2
        )
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_search_vector")]

    operations = [
        migrations.AddField("product", "attribute_values", models.TextField(blank=True, default="")),
        migrations.CreateModel(
            name="AttributeValue",
            fields=[
                ("sign", models.CharField(max_length=12, primary_key=True, serialize=False)),
                ("name_key", models.CharField(db_index=True, max_length=80)),
                ("name", models.CharField(max_length=80)),
                ("value", models.CharField(max_length=100)),
            ],
        ),
        migrations.RunPython(write_values, migrations.RunPython.noop),
    ]
