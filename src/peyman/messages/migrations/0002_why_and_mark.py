from django.db import migrations, models


class Migration(migrations.Migration):
    """Why a message may go to its address, and the mark by which anyone can check that it is ours."""

    dependencies = [("messages", "0001_initial")]

    operations = [
        migrations.AddField("message", "why", models.CharField(default="official", max_length=16)),
        migrations.AddField("message", "mark", models.CharField(blank=True, default="", max_length=12), preserve_default=False),
        migrations.AddIndex("message", models.Index(fields=["mark"], name="message_mark")),
    ]
