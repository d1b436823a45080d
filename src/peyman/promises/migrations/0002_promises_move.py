"""A due time may move more than once, each time for a cause of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('promises', '0001_initial'),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='promiseevent', name='promise_event_once'),
        migrations.AddField(
            model_name='promiseevent',
            name='cause',
            field=models.CharField(blank=True, default='', max_length=40),
        ),
        migrations.AddConstraint(
            model_name='promiseevent',
            constraint=models.UniqueConstraint(fields=('promise', 'event', 'cause'), name='promise_event_once'),
        ),
    ]
