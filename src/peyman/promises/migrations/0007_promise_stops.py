"""The clock of one promise may stand alone, not only by a declared period (D39)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("promises", "0006_remedy")]

    operations = [
        migrations.AddField("promise", "stops", models.JSONField(default=list)),
    ]
