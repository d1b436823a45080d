from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("guard", "0001_tickets")]

    operations = [
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("pattern", models.CharField(max_length=300)),
                ("cdns", models.JSONField(default=list)),
                ("prefixes", models.JSONField(default=list)),
                ("operators", models.JSONField(default=list)),
                ("dark_because", models.CharField(blank=True, max_length=300)),
                ("valid_from", models.DateTimeField()),
                ("valid_to", models.DateTimeField(null=True)),
                ("note", models.CharField(blank=True, max_length=300)),
                ("recorded_at", models.DateTimeField()),
                ("superseded_at", models.DateTimeField(null=True)),
                ("recorded_by", models.CharField(blank=True, max_length=32)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("superseded_at", None)), fields=("name", "valid_from"), name="delivery_believed_once"),
                    models.CheckConstraint(condition=models.Q(("valid_to", None), ("valid_to__gt", models.F("valid_from")), _connector="OR"), name="delivery_ends_after_it_begins"),
                    models.CheckConstraint(condition=models.Q(("superseded_at", None), ("superseded_at__gte", models.F("recorded_at")), _connector="OR"), name="delivery_believed_before_superseded"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Spell",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("delivery", models.CharField(max_length=60)),
                ("operator", models.CharField(max_length=60)),
                ("reason", models.CharField(max_length=60)),
                ("since", models.DateTimeField()),
                ("gone_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["gone_at"], name="spell_gone_at")],
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("gone_at", None)), fields=("delivery", "operator"), name="spell_open_once"),
                    models.CheckConstraint(condition=models.Q(("gone_at", None), ("gone_at__gte", models.F("since")), _connector="OR"), name="spell_ends_after_it_begins"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Watch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("edition", models.PositiveBigIntegerField(default=0)),
                ("mark", models.CharField(blank=True, max_length=200)),
                ("next_at", models.DateTimeField(null=True)),
            ],
        ),
    ]
