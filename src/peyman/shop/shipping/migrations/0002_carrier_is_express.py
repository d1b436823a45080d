"""Whether a carrier delivers express, at the street door (D53); the shop's own fleet does."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def mark(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("shipping", "Carrier").objects.filter(slug="own-fleet").update(is_express=True)


class Migration(migrations.Migration):
    dependencies = [("shipping", "0001_initial")]

    operations = [
        migrations.AddField("carrier", "is_express", models.BooleanField(default=False)),
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
