"""Log-in codes name their number by its hash. Codes on their way open nothing any more: they live three minutes."""

from django.db import migrations, models


def forget(apps, editor):
    apps.get_model("people", "LoginCode").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ("people", "0006_mobile_hash_once"),
    ]

    operations = [
        migrations.RunPython(forget, forget),
        migrations.RemoveConstraint("logincode", "nth_code_once"),
        migrations.RenameField("logincode", "mobile", "mobile_hash"),
        migrations.AlterField("logincode", "mobile_hash", models.CharField(max_length=64)),
        migrations.AddConstraint(
            "logincode", models.UniqueConstraint(fields=("mobile_hash", "nth"), name="nth_code_once")
        ),
    ]
