"""Log-in by mobile number and SMS code."""

from allauth.account.adapter import DefaultAccountAdapter


class Adapter(DefaultAccountAdapter):
    pass
