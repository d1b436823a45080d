"""Accounts that customers declared before there was a table of them."""

from django.db import migrations
from django.db.models import Max

from peyman.kernel import codes


def forwards(apps, schema_editor):
    """Make a row of each Sheba that stands in an account, declared when it was last told."""
    person = apps.get_model("people", "Person")
    account = apps.get_model("billing", "Account")
    told = apps.get_model("people", "IdentityChange").objects.filter(what="sheba", event="told")
    since = dict(told.values("person").annotate(at=Max("at")).values_list("person", "at"))
    known = set(account.objects.filter(replaced_at=None).values_list("person", flat=True))
    for row in person.objects.order_by("pk").iterator(chunk_size=500):
        if row.sheba and row.pk not in known:
            account.objects.create(
                code=codes.new("ACC"),
                person_id=row.pk,
                number=row.sheba,
                declared_at=since.get(row.pk, row.created_at),
            )


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_transfers"), ("people", "0024_finance_desk")]

    # The way back needs nothing: the table goes with 0003, and the Sheba stays where it was.
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
