"""Changing people: one verb, one transaction."""

from peyman.people.actions.accounts import (
    IssuedCode,
    IssuedToken,
    complete_profile,
    confirm_mobile,
    exchange_login_code,
    forget_codes,
    issue_login_code,
    issue_token,
    person_of,
    revoke_token,
)
from peyman.people.actions.consent import agree

__all__ = [
    "IssuedCode",
    "IssuedToken",
    "agree",
    "complete_profile",
    "confirm_mobile",
    "exchange_login_code",
    "forget_codes",
    "issue_login_code",
    "issue_token",
    "person_of",
    "revoke_token",
]
