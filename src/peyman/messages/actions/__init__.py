"""The outbox: rows are queued with what they tell, claimed by one worker at a time, and marked as they end.

A message is sent at least once: a worker killed between sending and marking leaves a row whose lease runs out, and
the next worker sends it again under the same idempotency key.
"""

from peyman.messages.actions.delivery import (
    Taken,
    claim,
    drop_stale,
    mark_failed,
    mark_sent,
    mark_sent_many,
    mark_stale,
    note_tries,
    release,
    retry,
    still_held,
)
from peyman.messages.actions.forgetting import forget, forget_older, forget_stragglers
from peyman.messages.actions.queueing import NewMessage, assert_recipients, queue, queue_many
from peyman.messages.actions.senders import announce, announce_settings, withdraw

__all__ = [
    "NewMessage",
    "Taken",
    "announce",
    "announce_settings",
    "assert_recipients",
    "claim",
    "drop_stale",
    "forget",
    "forget_older",
    "forget_stragglers",
    "mark_failed",
    "mark_sent",
    "mark_sent_many",
    "mark_stale",
    "note_tries",
    "queue",
    "queue_many",
    "release",
    "retry",
    "still_held",
    "withdraw",
]
