import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import peyman.sealed


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0013_access_log'),
    ]

    operations = [
        migrations.CreateModel(
            name='PrivacyCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=32, unique=True)),
                ('topic', models.CharField(max_length=16)),
                ('text', peyman.sealed.SealedField()),
                ('contact_kind', models.CharField(max_length=8)),
                ('contact', peyman.sealed.SealedField()),
                ('state', models.CharField(max_length=12)),
                ('received_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('closed_why', models.CharField(blank=True, max_length=16)),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='privacy_cases', to=settings.AUTH_USER_MODEL)),
                ('taken_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='PrivacyAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', peyman.sealed.SealedField()),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='people.privacycase')),
            ],
        ),
        migrations.CreateModel(
            name='PrivacyEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.CharField(max_length=12)),
                ('from_state', models.CharField(blank=True, max_length=12)),
                ('to_state', models.CharField(max_length=12)),
                ('by', models.CharField(max_length=32)),
                ('at', models.DateTimeField()),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='people.privacycase')),
            ],
        ),
        migrations.AddIndex(
            model_name='privacycase',
            index=models.Index(fields=['state', 'received_at'], name='case_by_state'),
        ),
        migrations.AddConstraint(
            model_name='privacycase',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['received', 'taken', 'answered', 'closed'])), name='case_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='privacycase',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('state', 'closed'), models.Q(('closed_why', ''), _negated=True)), models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at', None), ('closed_why', '')), _connector='OR'), name='closed_case_has_a_reason'),
        ),
    ]
