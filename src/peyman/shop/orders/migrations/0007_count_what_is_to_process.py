from django.db import migrations, models


class Migration(migrations.Migration):
    """The board counts what is to be processed: from the index alone, once the state stands in it."""

    dependencies = [("orders", "0006_order_is_express")]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("state", "final")), fields=["state", "processing_date"], name="order_due_to_process"
            ),
        ),
        migrations.RemoveIndex(model_name="order", name="order_to_process"),
    ]
