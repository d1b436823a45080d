"""Asking a customer for more, cancelling by the shop, and what the desk lists by."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import peyman.sealed


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_accounts_so_far"),
        ("orders", "0004_allowed_addresses"),
        ("promises", "0007_promise_stops"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Cancellation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=24)),
                ("note", peyman.sealed.SealedField(blank=True)),
                ("skus", models.JSONField(default=list)),
                ("detected_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="InformationRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=32, unique=True)),
                ("fields", models.JSONField()),
                ("note", peyman.sealed.SealedField()),
                ("asked_at", models.DateTimeField()),
                ("answer_until", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("answered", "answered"), ("unanswered", "unanswered"), ("cancelled", "cancelled")],
                        max_length=10,
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["placed_at", "state"], name="order_by_placed"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("state", "final")), fields=["processing_date"], name="order_to_process"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(condition=models.Q(("state", "short")), fields=["placed_at"], name="order_short"),
        ),
        migrations.AddField(
            model_name="cancellation",
            name="by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="cancellation",
            name="order",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="cancellation", to="orders.order"
            ),
        ),
        migrations.AddField(
            model_name="informationrequest",
            name="asked_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="informationrequest",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="requests", to="orders.order"
            ),
        ),
        migrations.AddConstraint(
            model_name="cancellation",
            constraint=models.CheckConstraint(
                condition=models.Q(("detected_at__lte", models.F("at"))), name="cancelled_after_detection"
            ),
        ),
        migrations.AddIndex(
            model_name="informationrequest",
            index=models.Index(
                condition=models.Q(("closed_at", None)), fields=["answer_until"], name="request_to_close"
            ),
        ),
        migrations.AddConstraint(
            model_name="informationrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at", None)), fields=("order",), name="one_open_request_for_an_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="informationrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("outcome", "")),
                    models.Q(("closed_at__isnull", False), models.Q(("outcome", ""), _negated=True)),
                    _connector="OR",
                ),
                name="closed_request_has_its_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="informationrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answered_at__isnull", False), ("outcome", "answered")),
                    models.Q(models.Q(("outcome", "answered"), _negated=True), ("answered_at", None)),
                    _connector="OR",
                ),
                name="answered_request_has_its_hour",
            ),
        ),
        migrations.AddConstraint(
            model_name="informationrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("answer_until__gt", models.F("asked_at"))), name="answer_is_due_after_asking"
            ),
        ),
    ]
