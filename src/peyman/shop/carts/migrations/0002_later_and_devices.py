from django.db import migrations, models


class Migration(migrations.Migration):
    """Lines put aside for later, who set a number last, and what found no place when two carts became one."""

    dependencies = [
        ('carts', '0001_initial'),
    ]

    operations = [
        migrations.AddField('cart', 'left_out', models.JSONField(default=list)),
        migrations.AddField('cartline', 'is_later', models.BooleanField(default=False)),
        migrations.AddField('cartline', 'device', models.CharField(blank=True, default='', max_length=12)),
        migrations.AddField('cartline', 'changed_at', models.DateTimeField(null=True)),
    ]
