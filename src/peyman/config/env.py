"""What the environment says. Read once, at start; the settings are made of it."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Env:
    """The variables of design §6, with what holds when they are not set."""

    data: Path
    database_url: str
    secret_key: str
    field_keys: tuple[str, ...]  # seal personal data, newest first; none: the secret key does
    public_url: str
    bank_url: str
    sms_url: str
    smtp_url: str
    cache_url: str
    sandbox: bool
    clock_file: str
    zarinpal_merchant: str
    zarinpal_token: str
    kavenegar_key: str
    kavenegar_sender: str
    smsir_key: str
    smsir_line: str
    sms_providers: tuple[str, ...]  # in the order they are asked; empty = all that have a key
    mail_from: str
    other_hosts: tuple[str, ...]  # names that lead here and are sent on to PEYMAN_PUBLIC_URL (D13)
    phones: tuple[str, ...]  # numbers that we call from (D14)
    proxies: int  # how many of our own proxies add to X-Forwarded-For; 0 = the header is not believed


def read(environ: "os._Environ[str] | dict[str, str]" = os.environ) -> Env:
    """Read the environment. Nothing is refused here: `entrypoints.jobs.startup` says what production needs."""
    data = Path(environ.get("PEYMAN_DATA") or "var").absolute()
    return Env(
        data=data,
        database_url=environ.get("DATABASE_URL") or f"sqlite:///{data / 'peyman.sqlite3'}",
        secret_key=environ.get("PEYMAN_SECRET_KEY", ""),
        field_keys=tuple(key for key in environ.get("PEYMAN_FIELD_KEYS", "").split() if key),
        public_url=(environ.get("PEYMAN_PUBLIC_URL") or "http://127.0.0.1:8000").rstrip("/"),
        bank_url=environ.get("PEYMAN_BANK_URL", "").rstrip("/"),
        sms_url=environ.get("PEYMAN_SMS_URL", "").rstrip("/"),
        smtp_url=environ.get("PEYMAN_SMTP_URL", ""),
        cache_url=environ.get("CACHE_URL", ""),
        sandbox=environ.get("PEYMAN_SANDBOX") == "1",
        clock_file=environ.get("PEYMAN_CLOCK_FILE", ""),
        zarinpal_merchant=environ.get("PEYMAN_ZARINPAL_MERCHANT", ""),
        zarinpal_token=environ.get("PEYMAN_ZARINPAL_TOKEN", ""),
        kavenegar_key=environ.get("PEYMAN_KAVENEGAR_KEY", ""),
        kavenegar_sender=environ.get("PEYMAN_KAVENEGAR_SENDER", ""),
        smsir_key=environ.get("PEYMAN_SMSIR_KEY", ""),
        smsir_line=environ.get("PEYMAN_SMSIR_LINE", ""),
        sms_providers=_list(environ.get("PEYMAN_SMS_PROVIDERS", "")),
        mail_from=environ.get("PEYMAN_MAIL_FROM", ""),
        other_hosts=_list(environ.get("PEYMAN_OTHER_HOSTS", "").lower()),
        phones=_list(environ.get("PEYMAN_PHONES", "")),
        proxies=int(environ.get("PEYMAN_PROXIES") or 0),
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in (part.strip() for part in text.split(",")) if part)


def host_of(url: str) -> str:
    """Return the host of `url`, without port."""
    return urlsplit(url).hostname or ""
