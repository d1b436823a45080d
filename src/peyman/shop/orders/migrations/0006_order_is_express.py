"""Whether an order is delivered express, at the street door (D53)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0005_requests_and_cancellations")]

    operations = [
        migrations.AddField("order", "is_express", models.BooleanField(default=False)),
    ]
