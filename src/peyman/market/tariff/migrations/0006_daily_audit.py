from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tariff", "0005_rates_and_probes"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditWatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("busy_until", models.DateTimeField(null=True)),
                ("tried_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("fault", models.TextField(blank=True)),
                ("told_at", models.DateTimeField(null=True)),
            ],
        ),
    ]
