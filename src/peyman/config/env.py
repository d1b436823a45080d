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
    registry_url: str  # where the national registry's list is; may hold credentials
    registry_hours: float  # between two fetches
    sandbox: bool
    clock_file: str
    zarinpal_merchant: str
    zarinpal_token: str
    kavenegar_key: str
    kavenegar_sender: str
    saman_terminal: str
    paya_sheba: str  # our own account, which transfers of refunds leave from
    settlement_sheba: str  # our account that gateways settle into, where it is another
    paya_name: str  # and whose it is, as the bank knows us
    two_persons_above: int  # rials: a refund above it, and a batch, needs two persons
    price_limit_percent: int  # further than this one person moves no price alone
    gateways: tuple[str, ...]  # banks in the order they are offered; empty = all that are set up
    smsir_key: str
    smsir_line: str
    sms_providers: tuple[str, ...]  # in the order they are asked; empty = all that have a key
    mail_from: str
    other_hosts: tuple[str, ...]  # names that lead here and are sent on to PEYMAN_PUBLIC_URL (D13)
    phones: tuple[str, ...]  # numbers that we call from (D14)
    registrants: tuple[str, ...]  # hosts whose rows on the national registry are ours; empty = anybody's count
    admission_hold_days: int  # after a due date, until an address may serve under the message
    admission_list_hours: int  # how old the last good list may be for that
    drift_hold_hours: int  # a drift is believed, and believed gone, once it held so long …
    drift_hold_snapshots: int  # … or so many good snapshots have shown it
    dns_sample_days: int  # an address found by DNS serves until so many days have passed without it
    iran_ranges: str  # a file of prefixes that replaces the bundled list
    guard_relight_minutes: int  # after the last reason against "half price" is gone, until it is shown again
    guard_showing_minutes: int  # for which one showing may be relied on
    audit_logs: tuple[str, ...]  # patterns of the download logs that are audited each day; none: they are not
    audit_format: str
    audit_hour: int  # of Tehran
    audit_options: str  # what else `peyman audit` is told, as on a command line
    media_picture_mb: int  # a picture that comes in, at most
    media_megapixels: int
    media_video_mb: int
    media_video_seconds: int
    media_keep_days: int  # a file that nothing shows stays so long
    import_keep_days: int  # a file of goods that was handed in stays so long after its run ended
    crawlers: tuple[str, ...]  # files of the addresses that well-known crawlers publish
    reading_factor: float  # how far the limits of reading are stretched
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
        registry_url=environ.get("PEYMAN_REGISTRY_URL", "").strip(),
        registry_hours=float(environ.get("PEYMAN_REGISTRY_EVERY") or 6),
        sandbox=environ.get("PEYMAN_SANDBOX") == "1",
        clock_file=environ.get("PEYMAN_CLOCK_FILE", ""),
        zarinpal_merchant=environ.get("PEYMAN_ZARINPAL_MERCHANT", ""),
        zarinpal_token=environ.get("PEYMAN_ZARINPAL_TOKEN", ""),
        saman_terminal=environ.get("PEYMAN_SAMAN_TERMINAL", "").strip(),
        paya_sheba="".join(environ.get("PEYMAN_PAYA_SHEBA", "").split()).upper(),
        settlement_sheba="".join(environ.get("PEYMAN_SETTLEMENT_SHEBA", "").split()).upper(),
        paya_name=environ.get("PEYMAN_PAYA_NAME", "").strip(),
        two_persons_above=int(environ.get("PEYMAN_TWO_PERSONS_ABOVE") or 200_000_000),
        price_limit_percent=int(environ.get("PEYMAN_PRICE_LIMIT_PERCENT") or 50),
        gateways=_list(environ.get("PEYMAN_GATEWAYS", "").lower()),
        kavenegar_key=environ.get("PEYMAN_KAVENEGAR_KEY", ""),
        kavenegar_sender=environ.get("PEYMAN_KAVENEGAR_SENDER", ""),
        smsir_key=environ.get("PEYMAN_SMSIR_KEY", ""),
        smsir_line=environ.get("PEYMAN_SMSIR_LINE", ""),
        sms_providers=_list(environ.get("PEYMAN_SMS_PROVIDERS", "")),
        mail_from=environ.get("PEYMAN_MAIL_FROM", ""),
        other_hosts=_list(environ.get("PEYMAN_OTHER_HOSTS", "").lower()),
        phones=_list(environ.get("PEYMAN_PHONES", "")),
        registrants=_list(environ.get("PEYMAN_REGISTRANT", "").lower()),
        admission_hold_days=int(environ.get("PEYMAN_ADMISSION_HOLD_DAYS") or 3),
        admission_list_hours=int(environ.get("PEYMAN_ADMISSION_LIST_HOURS") or 48),
        drift_hold_hours=int(environ.get("PEYMAN_DRIFT_HOLD_HOURS") or 24),
        drift_hold_snapshots=int(environ.get("PEYMAN_DRIFT_HOLD_SNAPSHOTS") or 2),
        dns_sample_days=int(environ.get("PEYMAN_DNS_SAMPLE_DAYS") or 3),
        iran_ranges=environ.get("PEYMAN_IRAN_RANGES", ""),
        guard_relight_minutes=int(environ.get("PEYMAN_GUARD_RELIGHT_MINUTES") or 30),
        guard_showing_minutes=int(environ.get("PEYMAN_GUARD_SHOWING_MINUTES") or 10),
        audit_logs=tuple(environ.get("PEYMAN_AUDIT_LOGS", "").split()),
        audit_format=environ.get("PEYMAN_AUDIT_FORMAT", "").strip() or "canonical",
        audit_hour=int(environ.get("PEYMAN_AUDIT_HOUR") or 4),
        audit_options=environ.get("PEYMAN_AUDIT_OPTIONS", ""),
        media_picture_mb=int(environ.get("PEYMAN_MEDIA_PICTURE_MB") or 20),
        media_megapixels=int(environ.get("PEYMAN_MEDIA_MEGAPIXELS") or 40),
        media_video_mb=int(environ.get("PEYMAN_MEDIA_VIDEO_MB") or 100),
        media_video_seconds=int(environ.get("PEYMAN_MEDIA_VIDEO_SECONDS") or 180),
        media_keep_days=int(environ.get("PEYMAN_MEDIA_KEEP_DAYS") or 30),
        import_keep_days=int(environ.get("PEYMAN_IMPORT_KEEP_DAYS") or 30),
        crawlers=_list(environ.get("PEYMAN_CRAWLERS", "")),
        reading_factor=float(environ.get("PEYMAN_READING_FACTOR") or 1),
        proxies=int(environ.get("PEYMAN_PROXIES") or 0),
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in (part.strip() for part in text.split(",")) if part)


def host_of(url: str) -> str:
    """Return the host of `url`, without port."""
    return urlsplit(url).hostname or ""
