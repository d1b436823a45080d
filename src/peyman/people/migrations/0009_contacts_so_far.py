"""Contacts that were confirmed before there was a history begin it. Backwards the history goes with its tables."""

from django.db import migrations


def forwards(apps, editor):
    Person = apps.get_model("people", "Person")
    Contact = apps.get_model("people", "Contact")
    ContactChange = apps.get_model("people", "ContactChange")
    for person in Person.objects.order_by("pk").iterator(chunk_size=500):
        for kind, value, since in (
            ("mobile", person.mobile, person.mobile_confirmed_at),
            ("email", person.email, person.email_confirmed_at),
        ):
            if value and since:
                contact = Contact.objects.create(person=person, kind=kind, value=value, since=since)
                ContactChange.objects.create(
                    person=person, contact=contact, kind=kind, event="confirmed", by="customer", at=since
                )


class Migration(migrations.Migration):

    dependencies = [
        ("people", "0008_contacts"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
