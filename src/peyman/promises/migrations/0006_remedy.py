"""What the terms owe for a broken promise."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('promises', '0005_terms_source'),
    ]

    operations = [
        migrations.CreateModel(
            name='Remedy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.PositiveBigIntegerField()),
                ('reason', models.CharField(max_length=250)),
                ('at', models.DateTimeField()),
                ('promise', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='remedy', to='promises.promise')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='remedy_is_something')],
            },
        ),
    ]
