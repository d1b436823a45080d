from django.db import migrations, models

import peyman.sealed


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=32, unique=True)),
                ("content", models.TextField()),
                ("operator", models.CharField(max_length=60)),
                ("snapshot", models.CharField(max_length=32)),
                ("wording", models.PositiveIntegerField()),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["recorded_at"], name="statement_recorded")],
            },
        ),
        migrations.CreateModel(
            name="TicketKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(unique=True)),
                ("kid", models.CharField(max_length=16, unique=True)),
                ("public", models.CharField(max_length=64)),
                ("anchor", models.CharField(max_length=64)),
                ("private", peyman.sealed.SealedField(blank=True)),
                ("chain", peyman.sealed.SealedField(blank=True)),
                ("naming", peyman.sealed.SealedField()),
                ("opened", models.CharField(blank=True, max_length=64)),
                ("made_at", models.DateTimeField()),
                ("made_by", models.CharField(blank=True, max_length=32)),
                ("signs_from", models.DateTimeField()),
                ("signs_planned", models.DateTimeField()),
                ("signs_until", models.DateTimeField()),
                ("destroyed_at", models.DateTimeField(null=True)),
                ("revoked_from", models.DateTimeField(null=True)),
                ("revoked_why", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("signs_until__gte", models.F("signs_from")), ("signs_until__lte", models.F("signs_planned"))), name="ticket_key_signs_within_its_plan"),
                    models.CheckConstraint(condition=models.Q(("made_at__lte", models.F("signs_from"))), name="ticket_key_is_published_first"),
                    models.CheckConstraint(condition=models.Q(("destroyed_at", None), models.Q(("chain", ""), ("private", "")), _connector="OR"), name="destroyed_ticket_key_is_gone"),
                ],
            },
        ),
    ]
