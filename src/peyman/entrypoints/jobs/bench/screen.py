"""Texts screened per second, spans and all, beside what any reading costs and other libraries' normalisers.

The texts are put together of a seed: short reviews and questions as people write them, some breaking rules, most not.
hazm and parsivar are measured where they are installed, and only there; nothing of Peyman needs them.
"""

import importlib
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from peyman.care.reviews.rules.screening import Submission, screener
from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.console import tell
from peyman.kernel.text import normalise

TEXTS, LEAST_RATE, MOST_MILLISECONDS = 2000, 10_000, 2.0
_PARTS = (
    "کیفیت ساخت خوبی دارد",
    "باتریش زود تموم میشه",
    "از خریدم راضی هستم",
    "رنگ آن با عکس یکی است",
    "پارچه لطیف و خنکی دارد",
    "نسبت به قیمتش عالیه",
    "صداش خوبه ولی یکم داغ میکنه",
    "ترجمه روان است و غلط کمی دارد",
    "دو ماه است که استفاده می‌کنم",
    "برای هدیه انتخاب مناسبی است",
    "بعد از چند بار شستن رنگ نداد",
    "دوربین آن در نور کم ضعیف است",
    "پیشنهاد می‌کنم یک سایز بزرگ‌تر بگیرید",
)
_BREACHES = (
    "قیمتش چنده؟",
    "دیر به دستم رسید",
    "من ۲۵۰ هزار تومان خریدم",
    "به example.com سر بزنید",
    "عالییییی بود 😍",
    "کسی می‌دونه ضد آبه؟",
)


def bench_screen(seconds: float) -> list[Figure]:
    """Measure rate and tail on one core. The best of ROUNDS rounds counts, for figures and limits alike."""
    by = screener()
    texts = _texts()
    written = [Submission("review", text) for text in texts]
    span = max(0.3, seconds / ROUNDS)
    ours = max(_rate(by.screen, written, span) for _ in range(ROUNDS))
    limit = max(_rate(str.split, texts, span) for _ in range(ROUNDS))
    kernel = max(_rate(normalise, texts, span) for _ in range(ROUNDS))
    figures = [
        Figure("screen: reviews, spans and all", "texts/s", ours, LEAST_RATE, "what it must give"),
        Figure("screen: the same, bare", "texts/s", ours, limit, "str.split of the same texts"),
        Figure("screen: beside our own normaliser", "texts/s", ours, kernel, "kernel.text.normalise alone"),
        Figure(
            "screen: p99 at 1,000 characters",
            "µs",
            _tail(by.screen) * 1000,
            MOST_MILLISECONDS * 1000,
            "the most it may take",
        ),
    ]
    for name, normaliser in _peers():
        peer = max(_rate(normaliser, texts, span) for _ in range(ROUNDS))
        figures.append(Figure(f"screen: beside {name}", "texts/s", ours, peer, f"{name}'s normaliser alone"))
    return figures


def _texts(size: int = 90) -> list[str]:
    chance = random.Random(16)  # noqa: S311  # the same texts each time
    texts = []
    for _ in range(TEXTS):
        parts: list[str] = []
        while sum(map(len, parts)) < size * chance.uniform(0.3, 1.2):
            parts.append(chance.choice(_BREACHES if chance.random() < 0.12 else _PARTS))
        texts.append(chance.choice((". ", " ", "، ")).join(parts) + ".")
    return texts


def _tail(screen: Callable[[Submission], object]) -> float:
    """Return the 99th percentile, in milliseconds, over texts of a thousand characters."""
    whole = " ".join(_texts())
    pieces = [Submission("review", whole[at : at + 1000]) for at in range(0, 150_000, 500)]
    took = []
    for piece in pieces * 2:
        begun = time.process_time()
        screen(piece)
        took.append(time.process_time() - begun)
    return sorted(took)[int(len(took) * 0.99)] * 1000


def _rate(do: Callable[[Any], object], things: Sequence[Any], span: float) -> float:
    """Return how many things a second of this thread's processor are done."""
    done, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < span:
        for thing in things:
            do(thing)
        done += len(things)
    return done / spent


def _peers() -> list[tuple[str, Callable[[str], object]]]:
    peers = []
    for name in ("hazm", "parsivar"):
        try:
            peers.append((name, importlib.import_module(name).Normalizer().normalize))
        except Exception as fault:  # noqa: BLE001  # a peer that does not work here is passed over, aloud
            tell(f"{name} is not measured: {type(fault).__name__}")
    return peers
