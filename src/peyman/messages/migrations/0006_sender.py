from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    """The public list of the addresses that we write from."""

    dependencies = [("messages", "0005_dead_and_recent")]

    operations = [
        migrations.CreateModel(
            name="Sender",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("sms", "Sms"), ("email", "Email"), ("domain", "Domain"), ("phone", "Phone")], max_length=8)),
                ("address", models.CharField(max_length=254)),
                ("shown", models.CharField(max_length=254)),
                ("what_for", models.CharField(blank=True, max_length=120)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(null=True)),
                ("by", models.CharField(blank=True, max_length=32)),
                ("ended_by", models.CharField(blank=True, max_length=32)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=Q(kind__in=["sms", "email", "domain", "phone"]), name="sender_kind_is_known"),
                    models.CheckConstraint(condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")), name="sender_ends_after_it_starts"),
                    models.UniqueConstraint(fields=["kind", "address"], condition=Q(ends_at=None), name="sender_announced_once"),
                ]
            },
        ),
    ]
