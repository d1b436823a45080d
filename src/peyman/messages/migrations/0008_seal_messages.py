"""Messages that were kept in clear are sealed and hashed, in batches. Backwards they are opened again."""

from django.db import migrations

from peyman import sealed

COLUMNS = ("to", "title", "text", "html", "secret", "opt_out_url", "instead")


def forwards(apps, editor):
    sealed.reseal(apps.get_model("messages", "Message"))


def backwards(apps, editor):
    sealed.unseal(apps.get_model("messages", "Message"), *COLUMNS)


class Migration(migrations.Migration):

    dependencies = [
        ("messages", "0007_messages_are_sealed"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
