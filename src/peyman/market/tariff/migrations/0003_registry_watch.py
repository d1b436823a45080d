from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tariff", "0002_history_is_counted")]

    operations = [
        migrations.CreateModel(
            name="RegistryWatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("busy_until", models.DateTimeField(null=True)),
                ("etag", models.CharField(blank=True, max_length=200)),
                ("modified", models.CharField(blank=True, max_length=60)),
                ("file", models.CharField(blank=True, max_length=120)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("told_of", models.PositiveBigIntegerField(default=0)),
                ("told_old_of", models.PositiveBigIntegerField(null=True)),
            ],
        ),
    ]
