"""Coming back after a long time: the line may be another's by now, so the e-mail address is proven too (D15)."""

from datetime import datetime

from django.db import transaction

from peyman.kernel.clauses import carries_out
from peyman.people import queries
from peyman.people.actions import contacts
from peyman.people.models import Person


@carries_out("D15")
def ask_return(*, person: Person, now: datetime) -> contacts.IssuedProof | None:
    """Make a code for the confirmed e-mail address of someone who was away so long that the number proves too little.

    None where the number is enough: who was here lately, and who has no such address, since nothing else could be
    asked of them. Raises rules.TooManyCodes.
    """
    if not person.email or not person.email_confirmed_at or not queries.is_dormant(person, now):
        return None
    with transaction.atomic():
        return contacts.issue(person, "login_email", person.email, now)


@carries_out("D15")
def prove_return(*, person: Person, code: str, now: datetime) -> None:
    """Use up the code of the e-mail address. Raises rules.WrongCode."""
    proof = contacts.try_code(person, "login_email", code, now)
    with transaction.atomic():
        contacts.use([proof], now)
