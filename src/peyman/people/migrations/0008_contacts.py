import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import peyman.sealed


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0007_login_codes_by_hash'),
    ]

    operations = [
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('mobile', 'Mobile'), ('email', 'Email'), ('landline', 'Landline')], max_length=8)),
                ('value', peyman.sealed.SealedField(blank=True)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contacts', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ContactChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=8)),
                ('event', models.CharField(max_length=12)),
                ('by', models.CharField(max_length=32)),
                ('at', models.DateTimeField()),
                ('contact', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='people.contact')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contact_changes', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ContactCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=12)),
                ('target', peyman.sealed.SealedField()),
                ('target_hash', models.CharField(max_length=64)),
                ('nth', models.PositiveIntegerField()),
                ('code_hash', models.CharField(max_length=64)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contact_codes', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddConstraint(
            model_name='contact',
            constraint=models.UniqueConstraint(condition=models.Q(('until', None)), fields=('person', 'kind'), name='contact_of_a_kind_once'),
        ),
        migrations.AddConstraint(
            model_name='contact',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['mobile', 'email', 'landline'])), name='contact_kind_is_known'),
        ),
        migrations.AddIndex(
            model_name='contactcode',
            index=models.Index(fields=['created_at'], name='contact_code_by_age'),
        ),
        migrations.AddConstraint(
            model_name='contactcode',
            constraint=models.UniqueConstraint(fields=('target_hash', 'nth'), name='nth_contact_code_once'),
        ),
    ]
