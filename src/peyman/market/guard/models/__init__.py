"""What the guard remembers: keys of tickets, what was stated under them, who delivers what, what was dark."""

from peyman.market.guard.models.deliveries import Delivery, Spell, Watch
from peyman.market.guard.models.tickets import Statement, TicketKey

__all__ = ["Delivery", "Spell", "Statement", "TicketKey", "Watch"]
