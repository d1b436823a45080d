"""Numbers and addresses that were kept in clear are sealed, and hashed. Backwards they are opened again."""

from django.db import migrations

from peyman import sealed


def forwards(apps, editor):
    sealed.reseal(apps.get_model("people", "Person"))


def backwards(apps, editor):
    sealed.unseal(apps.get_model("people", "Person"), "mobile", "email")


class Migration(migrations.Migration):

    dependencies = [
        ("people", "0004_contacts_are_sealed"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
