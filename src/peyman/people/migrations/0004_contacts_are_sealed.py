from django.db import migrations, models

import peyman.sealed


class Migration(migrations.Migration):

    dependencies = [
        ("people", "0003_consent"),
    ]

    operations = [
        migrations.AlterField("person", "mobile", peyman.sealed.SealedField(blank=True)),
        migrations.AlterField("person", "email", peyman.sealed.SealedField(blank=True)),
        migrations.AddField("person", "mobile_hash", peyman.sealed.HashField(about="mobile", of="mobile")),
        migrations.AddField("person", "landline", peyman.sealed.SealedField(blank=True, default=""), preserve_default=False),
        migrations.AddField("person", "birth_date", peyman.sealed.SealedDate(null=True)),
        migrations.AddField("person", "closed_at", models.DateTimeField(null=True)),
    ]
