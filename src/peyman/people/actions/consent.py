"""Saying what one wants to hear, and no longer (clauses D11, D12)."""

from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from peyman.kernel.clauses import carries_out
from peyman.people import rules
from peyman.people.models import Consent, ConsentEvent, Person

log = structlog.get_logger(__name__)


@carries_out("D11", "D12")
def agree(*, person: Person, topic: str, channel: str, given: bool, how: str, now: datetime) -> bool:
    """Record whether this person wants messages of this topic on this channel; it holds from this instant.

    `how`: "profile", "welcome", "one_click" or "erasure". Returns False where that was so already; then no event
    is added. Of two at once the later one holds, and both leave their event. Raises rules.Invalid and
    rules.OrdersAreTold.
    """
    rules.choice(topic, channel, given)
    with transaction.atomic():
        mine = {"person": person, "topic": topic, "channel": channel}
        known = Consent.objects.filter(**mine)
        if not known.exclude(given=given).update(given=given, since=now):
            if known.exists() or given == rules.DEFAULT[topic]:
                return False
            try:
                with transaction.atomic():
                    Consent.objects.create(**mine, given=given, since=now)
            except IntegrityError:
                if not known.exclude(given=given).update(given=given, since=now):
                    return False
        ConsentEvent.objects.create(**mine, given=given, how=how, at=now)
    log.info("people.consent", person=person.code, topic=topic, channel=channel, given=given, how=how)
    return True
