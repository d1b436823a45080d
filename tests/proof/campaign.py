"""Buyers who never give up, a bank that lies low, processes that die; then everybody's books are compared.

python -m tests.proof.campaign --orders 1000 --database sqlite --seed 7
"""

import argparse
import json
import random
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.proof.house import House

FAULTS = {
    "verify_drop": 0.05,
    "verify_500": 0.04,
    "verify_before_500": 0.04,
    "garbage": 0.03,
    "request_drop": 0.03,
    "request_500": 0.03,
    "inquiry_500": 0.05,
    "reverse_drop": 0.1,
    "reverse_500": 0.1,
    "refund_drop": 0.1,
    "no_callback": 0.04,
    "double_callback": 0.05,
}
CUSTOMERS = 24
SETTLED = {"captured", "failed", "returned"}


@dataclass
class Notes:
    """What buyers were told, and must find again."""

    orders: dict[str, str] = field(default_factory=dict)  # idempotency key → order
    cart_codes: dict[str, str] = field(default_factory=dict)  # order → cart code
    outcomes: Counter[str] = field(default_factory=Counter)


class Buyer:
    """A customer with a phone, who repeats every call until it is answered."""

    def __init__(self, house: House, mobile: str, chance: random.Random) -> None:
        self.house, self.mobile, self.chance = house, mobile, chance
        self.client = httpx.Client(base_url=f"{house.url}/api/v1", timeout=20, trust_env=False)
        self.token = self._log_in()

    def _log_in(self) -> str:
        for _ in range(20):
            if self._call("POST", "/auth/code", {"mobile": self.mobile}) is None:
                continue
            for _ in range(60):
                with suppress(httpx.HTTPError, KeyError, IndexError):
                    inbox = httpx.get(f"{self.house.url}/sandbox/inbox.json", params={"to": self.mobile}, timeout=10)
                    given = self._call("POST", "/auth/token", {"mobile": self.mobile, "code": inbox.json()[0]["code"]})
                    if given:
                        return str(given["token"])
                time.sleep(0.25)
        raise AssertionError(f"no log-in for {self.mobile}")

    def _call(self, method: str, path: str, body: object = None, key: str = "") -> dict[str, Any] | None:
        """Call until there is an answer; None for a refusal (4xx)."""
        headers = {"Idempotency-Key": key} if key else {}
        if getattr(self, "token", ""):
            headers["Authorization"] = f"Bearer {self.token}"
        for wait in range(400):
            try:
                answer = self.client.request(method, path, json=body, headers=headers)
            except httpx.HTTPError:
                time.sleep(0.1 + 0.02 * min(wait, 20))
                continue
            if answer.status_code in (429, 503):
                time.sleep(min(float(answer.headers.get("Retry-After", 1)), 2))
                continue
            if answer.status_code >= 500:
                raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            return dict(answer.json()) if answer.status_code < 300 and answer.content else None
        raise AssertionError(f"{method} {path}: nobody answered")

    def place(self, number: int, sku: str, notes: Notes) -> str | None:
        """Order one piece, and remember what was told. None where it was refused."""
        key = f"proof-{number}"
        body = {
            "lines": [{"sku": sku, "quantity": 1}],
            "shown_total": 10**11,
            "terms_version": 1,
            "delivery": {
                "recipient": "سارا احمدی", "mobile": self.mobile, "province": "تهران", "city": "تهران",
                "street": "خیابان آزمون", "plate": "۱۲", "unit": "3", "postal_code": "1439955471",
                "carrier": "post-pishtaz",
            },
            "buyer": {"kind": "individual"},
        }  # fmt: skip
        placed = self._call("POST", "/orders", body, key)
        if placed is None:
            notes.outcomes["not_placed"] += 1
            return None
        notes.orders[key] = placed["order"]
        return str(placed["order"])

    def pay(self, number: int, order: str, notes: Notes) -> None:
        """Pay (or not), come back (or not), and remember what was told."""
        key = f"proof-{number}"
        for attempt in range(3):  # a bank that gives no token is asked again, as a person would
            started = self._call("POST", f"/orders/{order}/payments", {"gateway": "zarinpal"}, f"{key}-{attempt}")
            if started is not None:
                break
        else:
            notes.outcomes["not_payable"] += 1
            return
        authority = started["redirect_url"].rsplit("/", 1)[1]
        gives_up = self.chance.random() < 0.05
        paid = httpx.post(
            f"{self.house.bank_url}/_sim/pay/{authority}", json={"status": "NOK" if gives_up else "OK"}, timeout=20
        ).json()
        for _ in range(paid["callbacks"]):
            for _ in range(3):  # a browser tries for a while and is then closed
                try:
                    httpx.get(paid["callback_url"], timeout=20, trust_env=False)
                    break
                except httpx.HTTPError:
                    time.sleep(0.3)
        seen = self._call("GET", f"/orders/{order}")
        notes.outcomes[str(seen and seen["state"])] += 1
        if seen and seen["cart_code"]:
            notes.cart_codes[order] = seen["cart_code"]


def catalogue(folder: Path, scarce: int) -> Path:
    """A file of our own goods: `scarce` pieces of the thing that everybody wants, and some plenty ones."""
    columns = ["sku", "product_code", "category_slug", "brand_slug", "title_fa", "price_rial", "list_price_rial",
               "price_basis", "stock", "attributes", "weight_g"]  # fmt: skip
    rows = [",".join(columns)]
    for n in range(6):
        stock = scarce if n == 0 else 100_000
        rows.append(f"PROOF-{n:02},PROOF{n},mobile-phone,samsung,کالای آزمون شماره {n},{1_000_000 + n * 10},"
                    f"{1_000_000 + n * 10},market,{stock},{{}},300")  # fmt: skip
    file = folder / "goods.csv"
    file.write_text("\n".join(rows) + "\n", "utf-8")
    return file


def run(*, orders: int, database: str, seed: int, folder: Path, kill_every: float, buyers: int = 8) -> dict[str, Any]:
    """Run one campaign and compare the books. Returns the figures; `wrong` lists everything that does not agree."""
    chance, notes = random.Random(seed), Notes()
    rush = max(orders // 10, 6)
    scarce = rush * 2 // 3
    begun = time.monotonic()
    with House(folder, database=database) as house:
        house.run("catalogue", "import", str(catalogue(folder, scarce)), ok=(0,))
        people = [Buyer(house, f"0912{seed % 1000:03}{n:04}", random.Random(seed + n)) for n in range(CUSTOMERS)]
        house.faults(seed=seed, **FAULTS)
        calm = threading.Event()
        killer = threading.Thread(target=house.kill_at_random, args=(chance, kill_every, calm), daemon=True)
        killer.start()
        locks = [threading.Lock() for _ in people]

        def place(number: int) -> str | None:
            with locks[number % CUSTOMERS]:
                scarce = number < rush or number % 7 == 0
                return people[number % CUSTOMERS].place(number, f"PROOF-{0 if scarce else number % 5 + 1:02}", notes)

        def pay(number: int, order: str | None) -> None:
            with locks[number % CUSTOMERS]:
                if order:
                    people[number % CUSTOMERS].pay(number, order, notes)
            if number % 50 == 49:
                print(f"{database}: {number + 1}/{orders} orders, kills {dict(house.kills)}", file=sys.stderr)

        with ThreadPoolExecutor(buyers) as pool:
            # The rush: everybody orders the scarce thing before anybody pays, so that many pay for what has run out.
            waiting = list(pool.map(place, range(rush)))
            list(pool.map(pay, range(rush), waiting))
            list(pool.map(lambda number: pay(number, place(number)), range(rush, orders)))
        calm.set()
        killer.join(60)
        house.faults(**dict.fromkeys(FAULTS, 0.0))
        house._wait_ready()
        settle(house)
        wrong = compare(house, notes, scarce)
        return {
            "database": database, "seed": seed, "orders": orders, "placed": len(notes.orders),
            "cart_codes_seen": len(notes.cart_codes), "kills": dict(house.kills), **ending(house),
            "seconds": round(time.monotonic() - begun), "outcomes": dict(notes.outcomes), "wrong": wrong,
        }  # fmt: skip


def ending(house: House) -> dict[str, Any]:
    """How it all ended, from the exports: orders by state, money given back, tokens at the bank by state."""
    states = Counter(row["state"] for row in house.export("orders"))
    back = Counter(f"{row['kind']} {row['state']}" for row in house.export("payments") if row["kind"] != "payment")
    return {
        "orders_by_state": dict(states),
        "given_back": dict(back),
        "bank": dict(Counter(r["state"] for r in house.ledger())),
    }


def settle(house: House) -> None:
    """Let time pass until no payment is open and no refund is owed: the sweeps' own work, and nobody else's."""
    started, begun = datetime.now(UTC), time.monotonic()
    for jump in range(60):
        open_ = [row for row in house.export("payments") if row["state"] not in SETTLED | {"done"}]
        waiting = [row for row in house.export("outbox") if not row["sent_at"] and not row["dead_at"]]
        if not open_ and not waiting:
            return
        # Banks are asked ever more seldom, so the clock is moved on: ten minutes each time, from the real hour.
        passed = timedelta(seconds=time.monotonic() - begun)
        house.set_clock(started + passed + timedelta(minutes=10 * (jump + 1)))
        time.sleep(3)
    raise AssertionError(f"not settled: {open_[:5]} {waiting[:5]}")


def compare(house: House, notes: Notes, pieces: int) -> list[str]:
    """Hold the exports against the bank's ledger, the provider's messages and what buyers were told."""
    wrong: list[str] = []

    def must(holds: bool, what: str) -> None:
        if not holds:
            wrong.append(what)

    orders = {row["order"]: row for row in house.export("orders")}
    payments: dict[str, dict[str, Any]] = {}
    back: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in house.export("payments"):
        if row["kind"] == "payment":
            if row["token"]:
                must(row["token"] not in payments, f"token twice: {row['token']}")
                payments[row["token"]] = row
        else:
            back[row["token"]].append(row)
    held: Counter[str] = Counter()
    for told in house.ledger():
        token, ours = told["authority"], payments.get(told["authority"])
        state, given_back = told["state"], sum(refund["amount"] for refund in told["refunds"])
        must(told["duplicates"] == 0, f"{token}: refunded twice")
        if state in ("IN_BANK", "FAILED"):
            must(ours is None or ours["state"] == "failed", f"{token}: unpaid, ours says {ours and ours['state']}")
            continue
        if ours is None:
            wrong.append(f"{token}: {state} at the bank, unknown to us")
            continue
        if state == "REVERSED":
            reversed_ = [row for row in back[token] if row["state"] == "done"]
            must(ours["state"] == "returned" or len(reversed_) == 1, f"{token}: reversed, not written down")
            continue
        must(state == "VERIFIED" and ours["state"] == "captured", f"{token}: {state} / {ours['state']}")
        must(str(told["ref_id"]) == ours["refnum"] and told["amount"] == ours["amount"], f"{token}: another receipt")
        must(given_back == sum(row["amount"] for row in back[token] if row["state"] == "done"), f"{token}: refunds")
        if told["amount"] - given_back > 0:
            held[ours["order"]] += told["amount"] - given_back
    for code, order in orders.items():
        final = order["state"] == "final"
        must(held[code] == (order["total"] if final else 0), f"{code}: {order['state']}, the bank holds {held[code]}")
        must(bool(order["cart_code"]) == final, f"{code}: {order['state']} with cart code {order['cart_code']}")
    codes = [order["cart_code"] for order in orders.values() if order["cart_code"]]
    must(len(codes) == len(set(codes)), "a cart code twice")
    for key, code in notes.orders.items():
        must(code in orders and orders[code]["idempotency_key"] == key, f"{code}: placed, then lost")
    for code, cart_code in notes.cart_codes.items():
        must(orders.get(code, {}).get("cart_code") == cart_code, f"{code}: its cart code changed")
    scarce = next(row for row in house.export("stock") if row["sku"] == "PROOF-00")
    must(scarce["allocated"] <= pieces, f"oversold: {scarce}")
    texts: Counter[str] = Counter()
    repeats = 0
    for text in house.texts():
        repeats += bool(text.get("duplicate"))
        for cart_code in codes:
            if cart_code in text["message"]:
                texts[cart_code] += 1
    must(all(texts[cart_code] for cart_code in codes), "a cart code that nobody was told")
    must(repeats <= sum(house.kills.values()), f"{repeats} messages twice, {house.kills}")
    for line in house.run("check-invariants", ok=(0, 1)).splitlines():
        must(line.startswith("OK"), line)
    return wrong


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--orders", type=int, default=1000)
    asked.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    asked.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    asked.add_argument("--kill-every", type=float, default=4.0, help="seconds, on average")
    asked.add_argument("--keep", help="folder to leave logs and data in")
    given = asked.parse_args()
    failed = False
    for database in ["sqlite", "postgres"] if given.database == "both" else [given.database]:
        folder = Path(given.keep or tempfile.mkdtemp(prefix="peyman-proof-")) / database
        folder.mkdir(parents=True)
        figures = run(
            orders=given.orders, database=database, seed=given.seed, folder=folder, kill_every=given.kill_every
        )
        if not given.keep and not figures["wrong"]:
            shutil.rmtree(folder.parent)
        print(json.dumps(figures, ensure_ascii=False))
        failed = failed or bool(figures["wrong"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
