"""Random stories of money, told to the shop and to a small model of what must come of them.

`model` knows the rules and nothing of Peyman; `world` is Peyman with two banks on loopback; `tell` makes stories up,
holds both against each other after each step, and makes a story that fails as short as it can be.
"""
