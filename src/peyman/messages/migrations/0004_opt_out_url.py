from django.db import migrations, models


class Migration(migrations.Migration):
    """The one-click way out of the newsletter, per message (RFC 8058)."""

    dependencies = [("messages", "0003_held_by")]

    operations = [
        migrations.AddField("message", "opt_out_url", models.URLField(blank=True, default="", max_length=300), preserve_default=False),
    ]
