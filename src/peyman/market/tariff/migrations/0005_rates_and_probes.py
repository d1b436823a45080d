import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tariff", "0004_edges_are_watched"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Tables",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("isps", models.PositiveBigIntegerField(default=0)),
                ("rates", models.PositiveBigIntegerField(default=0)),
                ("probes", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Isp",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prefix", models.CharField(max_length=50)),
                ("asn", models.CharField(blank=True, max_length=20)),
                ("operator", models.CharField(max_length=60)),
                ("valid_from", models.DateTimeField()),
                ("valid_to", models.DateTimeField(null=True)),
                ("source", models.CharField(blank=True, max_length=200)),
                ("recorded_at", models.DateTimeField()),
                ("superseded_at", models.DateTimeField(null=True)),
                ("recorded_by", models.CharField(blank=True, max_length=32)),
            ],
            options={
                "indexes": [models.Index(fields=["prefix"], name="isp_prefix")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("valid_to", None), ("valid_to__gt", models.F("valid_from")), _connector="OR"), name="isp_ends_after_it_begins"),
                    models.CheckConstraint(condition=models.Q(("superseded_at", None), ("superseded_at__gte", models.F("recorded_at")), _connector="OR"), name="isp_believed_before_superseded"),
                    models.UniqueConstraint(condition=models.Q(("superseded_at", None)), fields=("prefix", "valid_from"), name="isp_believed_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Probe",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("operator", models.CharField(max_length=60)),
                ("prefix", models.CharField(max_length=50)),
                ("measured_at", models.DateTimeField()),
                ("factor", models.CharField(max_length=40)),
                ("source", models.CharField(max_length=200)),
                ("note", models.CharField(blank=True, max_length=500)),
                ("recorded_at", models.DateTimeField()),
                ("superseded_at", models.DateTimeField(null=True)),
                ("recorded_by", models.CharField(blank=True, max_length=32)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("superseded_at", None), ("superseded_at__gte", models.F("recorded_at")), _connector="OR"), name="probe_believed_before_superseded"),
                    models.UniqueConstraint(condition=models.Q(("superseded_at", None)), fields=("operator", "prefix", "measured_at", "source"), name="probe_believed_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Rate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("operator", models.CharField(max_length=60)),
                ("service_class", models.CharField(blank=True, max_length=60)),
                ("plan", models.CharField(blank=True, max_length=60)),
                ("valid_from", models.DateTimeField()),
                ("valid_to", models.DateTimeField(null=True)),
                ("full", models.CharField(max_length=40)),
                ("factor", models.CharField(max_length=40)),
                ("unit", models.PositiveBigIntegerField()),
                ("source", models.CharField(max_length=200)),
                ("recorded_at", models.DateTimeField()),
                ("superseded_at", models.DateTimeField(null=True)),
                ("recorded_by", models.CharField(blank=True, max_length=32)),
            ],
            options={
                "indexes": [models.Index(fields=["operator"], name="rate_operator")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("valid_to", None), ("valid_to__gt", models.F("valid_from")), _connector="OR"), name="rate_ends_after_it_begins"),
                    models.CheckConstraint(condition=models.Q(("superseded_at", None), ("superseded_at__gte", models.F("recorded_at")), _connector="OR"), name="rate_believed_before_superseded"),
                    models.CheckConstraint(condition=models.Q(("unit__gt", 0)), name="rate_unit_is_some_bytes"),
                    models.UniqueConstraint(condition=models.Q(("superseded_at", None)), fields=("operator", "service_class", "plan", "valid_from"), name="rate_believed_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RateCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("nth", models.PositiveIntegerField()),
                ("verified", models.BooleanField()),
                ("at", models.DateTimeField()),
                ("source_seen", models.CharField(max_length=300)),
                ("reason", models.CharField(max_length=300)),
                ("by", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="rate_checks", to=settings.AUTH_USER_MODEL)),
                ("rate", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="checks", to="tariff.rate")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("rate", "nth"), name="nth_check_once")],
            },
        ),
    ]
