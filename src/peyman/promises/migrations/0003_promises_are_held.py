"""The clock of a promise may stand, there where it is kept."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('promises', '0002_promises_move'),
    ]

    operations = [
        migrations.AddField(model_name='promise', name='held_since', field=models.DateTimeField(null=True)),
        migrations.AddField(model_name='promise', name='pauses', field=models.JSONField(default=list)),
        migrations.AddField(
            model_name='promise',
            name='province',
            field=models.CharField(blank=True, default='', max_length=60),
        ),
        migrations.AddConstraint(
            model_name='promise',
            constraint=models.CheckConstraint(
                condition=models.Q(('state', 'open'), ('held_since', None), _connector='OR'),
                name='only_open_promises_are_held',
            ),
        ),
    ]
