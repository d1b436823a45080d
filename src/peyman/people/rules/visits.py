"""What is kept of a log-in: enough to know one's own, too little to follow anybody (D15, D16)."""

import ipaddress
from typing import Final

# The first that fits. A browser claims to be others too, so the one that claims least comes last.
_BROWSERS: Final = (
    ("Edg", "اج"), ("OPR/", "اپرا"), ("SamsungBrowser", "مرورگر سامسونگ"), ("Firefox", "فایرفاکس"),
    ("FxiOS", "فایرفاکس"), ("CriOS", "کروم"), ("Chrome", "کروم"), ("Safari", "سافاری"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Android", "اندروید"), ("iPhone", "آیفون"), ("iPad", "آیپد"), ("Windows", "ویندوز"), ("Mac OS", "مک"),
    ("CrOS", "کروم‌بوک"), ("Linux", "لینوکس"),
)  # fmt: skip


def device_words(user_agent: str) -> str:
    """Return a browser in Persian words: «کروم در اندروید»."""
    browser = next((words for sign, words in _BROWSERS if sign in user_agent), "مرورگری ناشناس")
    system = next((words for sign, words in _SYSTEMS if sign in user_agent), "دستگاهی ناشناس")
    return f"{browser} در {system}"


def network(address: str) -> str:
    """Return the network of an address: 5.160.12.7 → "5.160.12.0/24", IPv6 by its /48; "" for what is none."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if ip.is_unspecified:
        return ""
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))
