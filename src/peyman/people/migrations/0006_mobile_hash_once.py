from django.db import migrations

import peyman.sealed


class Migration(migrations.Migration):

    dependencies = [
        ("people", "0005_seal_people"),
    ]

    operations = [
        migrations.AlterField(
            "person", "mobile_hash", peyman.sealed.HashField(about="mobile", of="mobile", unique=True)
        ),
    ]
