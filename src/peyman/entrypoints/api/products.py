"""Goods, their prices and how many can be bought now."""

from ninja import Router

from peyman.entrypoints.api.guard import anyone

router = Router(tags=["goods"], auth=anyone)
