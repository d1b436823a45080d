import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import peyman.sealed


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0011_addresses_and_legal_entities'),
    ]

    operations = [
        migrations.CreateModel(
            name='GuardianConfirmation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(max_length=40)),
                ('name', peyman.sealed.SealedField(blank=True)),
                ('mobile', peyman.sealed.SealedField(blank=True)),
                ('mobile_hash', peyman.sealed.HashField(about='mobile', db_index=True, of='mobile')),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('code_hash', models.CharField(max_length=64)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('asked_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('how', models.CharField(blank=True, max_length=8)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='guardian_confirmations', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddIndex(
            model_name='guardianconfirmation',
            index=models.Index(fields=['subject'], name='guardian_of_subject'),
        ),
        migrations.AddConstraint(
            model_name='guardianconfirmation',
            constraint=models.UniqueConstraint(condition=models.Q(('confirmed_at__isnull', False)), fields=('subject',), name='guardian_confirms_once'),
        ),
    ]
