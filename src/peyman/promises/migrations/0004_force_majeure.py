"""Declared periods in which promises in scope do not run."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('promises', '0003_promises_are_held'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ForceMajeure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=32, unique=True)),
                ('title', models.CharField(max_length=160)),
                ('text', models.TextField()),
                ('signer', models.CharField(max_length=160)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(null=True)),
                ('scope', models.JSONField()),
                ('declared_at', models.DateTimeField()),
                ('declared_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('declared_in', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='declared', to='promises.calendarversion')),
            ],
            options={
                'constraints': [
                    models.CheckConstraint(
                        condition=models.Q(('ends_at', None), ('ends_at__gt', models.F('starts_at')), _connector='OR'),
                        name='pause_runs_forward',
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name='ForceMajeureEnd',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('note', models.TextField()),
                ('ended_at', models.DateTimeField()),
                ('ended_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ended_in', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ended', to='promises.calendarversion')),
                ('period', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='end', to='promises.forcemajeure')),
            ],
        ),
    ]
