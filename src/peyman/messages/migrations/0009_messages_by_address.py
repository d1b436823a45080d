from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("messages", "0008_seal_messages"),
    ]

    operations = [
        migrations.AddIndex(
            "message",
            models.Index(condition=models.Q(("to_hash__isnull", False)), fields=["to_hash"], name="message_to"),
        ),
    ]
