"""Address and words of a message become columns that can hold sealed text; what is there in clear still opens."""

from django.db import migrations

import peyman.sealed


class Migration(migrations.Migration):

    dependencies = [
        ("messages", "0006_sender"),
    ]

    operations = [
        migrations.AlterField("message", "to", peyman.sealed.SealedField()),
        migrations.AddField("message", "to_hash", peyman.sealed.HashField(about="address", of="to")),
        migrations.AlterField("message", "title", peyman.sealed.SealedField(blank=True)),
        migrations.AlterField("message", "text", peyman.sealed.SealedField()),
        migrations.AlterField("message", "html", peyman.sealed.SealedField(blank=True)),
        migrations.AlterField("message", "secret", peyman.sealed.SealedField(blank=True)),
        migrations.AlterField("message", "opt_out_url", peyman.sealed.SealedField(blank=True)),
        migrations.AlterField("message", "instead", peyman.sealed.SealedJSON(null=True)),
    ]
