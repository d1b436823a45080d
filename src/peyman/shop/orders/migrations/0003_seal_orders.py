"""To whom and where orders go is sealed (D16). Backwards it is opened again."""

from django.db import migrations

from peyman import sealed

COLUMNS = ("recipient", "mobile", "landline", "street", "plate", "unit", "postal_code", "buyer")


def forwards(apps, editor):
    sealed.reseal(apps.get_model("orders", "Order"))


def backwards(apps, editor):
    sealed.unseal(apps.get_model("orders", "Order"), *COLUMNS)


class Migration(migrations.Migration):

    dependencies = [
        ("orders", "0002_delivery_is_sealed"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
