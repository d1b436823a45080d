from django.db import migrations, models


class Migration(migrations.Migration):
    """Which provider may have taken a message, so that it is asked before another one is."""

    dependencies = [("messages", "0002_why_and_mark")]

    operations = [
        migrations.AddField("message", "held_by", models.CharField(blank=True, default="", max_length=40), preserve_default=False),
        migrations.AddField("message", "held_since", models.DateTimeField(null=True)),
    ]
