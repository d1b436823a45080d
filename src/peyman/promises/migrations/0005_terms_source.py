"""The document that a version was read from, for the next one to begin with."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('promises', '0004_force_majeure'),
    ]

    operations = [
        migrations.AddField(
            model_name='termsversion',
            name='source',
            field=models.TextField(blank=True, default=''),
        ),
    ]
