import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import peyman.sealed


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Edition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveBigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kid", models.CharField(max_length=16, unique=True)),
                ("public", models.CharField(max_length=64)),
                ("private", peyman.sealed.SealedField()),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="AuditRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=32, unique=True)),
                ("sha256", models.CharField(max_length=64)),
                ("folder", models.CharField(max_length=120)),
                ("files", models.JSONField()),
                ("totals", models.JSONField()),
                ("intervals", models.JSONField()),
                ("operators", models.JSONField()),
                ("parameters", models.JSONField()),
                ("code_version", models.CharField(blank=True, max_length=40)),
                ("first_day", models.DateField(null=True)),
                ("last_day", models.DateField(null=True)),
                ("made_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("taken", "Taken"), ("recounted", "Recounted"), ("differs", "Differs")], max_length=9
                    ),
                ),
                ("recounted_at", models.DateTimeField(null=True)),
                ("recount", models.JSONField(null=True)),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="incidents.auditrun",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=32, unique=True)),
                ("title", models.CharField(max_length=160)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("detected", "Detected"),
                            ("confirmed", "Confirmed"),
                            ("published", "Published"),
                            ("closed", "Closed"),
                            ("dismissed", "Dismissed"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "origin",
                    models.CharField(choices=[("run", "Run"), ("drift", "Drift"), ("staff", "Staff")], max_length=5),
                ),
                ("drifts", models.JSONField(default=list)),
                ("opened_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "opened_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="incidents",
                        to="incidents.auditrun",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("content", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                ("published_at", models.DateTimeField()),
                ("until_day", models.DateField()),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="incidents.incident"
                    ),
                ),
                (
                    "published_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="incidents.auditrun"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("event", models.CharField(max_length=12)),
                ("to", models.CharField(max_length=9)),
                ("at", models.DateTimeField()),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("content", models.TextField()),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("signature", models.CharField(max_length=100)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="steps", to="incidents.incident"
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="incidents.signingkey"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Stretch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("edges", models.JSONField()),
                ("operator", models.CharField(blank=True, max_length=60)),
                ("cause", models.CharField(max_length=40)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(null=True)),
                ("measured_to", models.DateTimeField(null=True)),
                ("lines", models.PositiveBigIntegerField(null=True)),
                ("bytes", models.PositiveBigIntegerField(null=True)),
                ("rials_low", models.PositiveBigIntegerField(null=True)),
                ("rials_high", models.PositiveBigIntegerField(null=True)),
                ("recorded_at", models.DateTimeField()),
                ("superseded_at", models.DateTimeField(null=True)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="stretches", to="incidents.incident"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="incidents.auditrun",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="auditrun",
            index=models.Index(fields=["made_at"], name="run_made"),
        ),
        migrations.AddConstraint(
            model_name="auditrun",
            constraint=models.UniqueConstraint(fields=("sha256",), name="run_taken_once"),
        ),
        migrations.AddConstraint(
            model_name="auditrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["taken", "recounted", "differs"])), name="run_state_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="auditrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "taken"), ("recounted_at__isnull", False), _connector="OR"),
                name="run_is_recounted_at_some_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="auditrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_day", None), ("last_day__gte", models.F("first_day")), _connector="OR"),
                name="run_days_run_forward",
            ),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["opened_at"], name="incident_opened"),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["detected", "confirmed", "published", "closed", "dismissed"])),
                name="incident_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", False), ("state__in", ["closed", "dismissed"])),
                    models.Q(models.Q(("state__in", ["closed", "dismissed"]), _negated=True), ("ended_at", None)),
                    _connector="OR",
                ),
                name="incident_ended_once_over",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(("run__isnull", False), ("state__in", ["detected", "dismissed"]), _connector="OR"),
                name="incident_of_no_run_is_not_confirmed",
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["published_at"], name="notice_published"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(fields=("incident", "number"), name="notice_follows_one"),
        ),
        migrations.AddConstraint(
            model_name="step",
            constraint=models.UniqueConstraint(fields=("incident", "number"), name="step_follows_one"),
        ),
        migrations.AddConstraint(
            model_name="stretch",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at", None), ("ends_at__gt", models.F("starts_at")), _connector="OR"),
                name="stretch_runs_forward",
            ),
        ),
        migrations.AddConstraint(
            model_name="stretch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rials_low", None),
                    ("rials_high", None),
                    ("rials_high__gte", models.F("rials_low")),
                    _connector="OR",
                ),
                name="stretch_bounds_in_order",
            ),
        ),
    ]
