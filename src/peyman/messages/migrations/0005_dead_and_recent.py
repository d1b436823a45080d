from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Indexes for the list of dead letters and for how the providers do."""

    dependencies = [("messages", "0004_opt_out_url")]

    operations = [
        migrations.AddIndex(
            "message", models.Index(fields=["dead_at"], condition=Q(dead_at__isnull=False), name="message_dead")
        ),
        migrations.AddIndex("attempt", models.Index(fields=["at"], name="attempt_at")),
    ]
