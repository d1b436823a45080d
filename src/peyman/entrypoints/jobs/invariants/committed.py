"""Which orders hold what they were promised."""

from django.db.models import BooleanField, ExpressionWrapper, Q

from peyman.shop.orders.rules import states

COMMITTED = [states.FINAL, states.PROCESSED, states.HANDED_OVER, states.DELIVERED]  # their pieces are owed
# An incomplete order keeps what its cart code gave it, if it had one.
IS_COMMITTED = ExpressionWrapper(
    Q(state__in=COMMITTED) | Q(state=states.INCOMPLETE, cart_code__isnull=False), output_field=BooleanField()
)
