from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("tariff", "0003_registry_watch"),
    ]

    operations = [
        migrations.CreateModel(
            name="EdgeList",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cdn", models.CharField(max_length=60)),
                ("seen_at", models.DateTimeField()),
                ("source", models.CharField(max_length=200)),
                ("prefixes", models.JSONField()),
                ("recorded_at", models.DateTimeField()),
                ("superseded_at", models.DateTimeField(null=True)),
                ("recorded_by", models.CharField(blank=True, max_length=32)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("superseded_at", None)), fields=("cdn", "seen_at", "source"), name="edge_list_believed_once"),
                    models.CheckConstraint(condition=models.Q(("superseded_at", None), ("superseded_at__gte", models.F("recorded_at")), _connector="OR"), name="edge_list_believed_before_superseded"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Watch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("edges", models.PositiveBigIntegerField(default=0)),
                ("mark", models.CharField(blank=True, max_length=120)),
                ("looked_at", models.DateTimeField(null=True)),
                ("next_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(model_name="edge", name="edge_believed_once"),
        migrations.AddConstraint(
            model_name="edge",
            constraint=models.UniqueConstraint(condition=models.Q(("superseded_at", None)), fields=("cdn", "prefix", "valid_from", "source", "how"), name="edge_believed_once"),
        ),
        migrations.AddField(model_name="drift", name="cause", field=models.CharField(blank=True, default="", max_length=40)),
        migrations.AddField(model_name="drift", name="ranges", field=models.JSONField(default=list)),
        migrations.AddField(model_name="drift", name="told", field=models.JSONField(default=list)),
    ]
