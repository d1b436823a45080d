"""Buyers who never give up, two banks that lie low, processes that die; then everybody's books are compared.

python -m tests.proof.campaign --orders 3000 --database sqlite --seed 7
"""

import argparse
import json
import random
import re
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

FAULTS: dict[str, Any] = {
    "verify_drop": 0.05,
    "verify_500": 0.04,
    "verify_before_500": 0.04,
    "verify_slow_s": {"p": 0.01, "value": 9},  # longer than we wait
    "garbage": 0.03,
    "request_drop": 0.03,
    "request_500": 0.03,
    "inquiry_500": 0.05,
    "pay_amount": {"p": 0.02, "value": {"by": -1_000}},
    "other_receipt": 0.01,
    "reverse_drop": 0.1,
    "reverse_500": 0.1,
    "reverse_refuse": 0.1,
    "refund_drop": 0.2,
    "refund_500": 0.1,
    "refund_refuse": 0.1,
    "no_callback": 0.04,
    "double_callback": 0.05,
}
BANKS = ("zarinpal", "saman")
TAKEN_BACK = 5  # payments that the bank takes back when all is over
CUSTOMERS = 24
SETTLED = {"captured", "failed", "returned"}
BROKEN_BY = timedelta(days=8)  # by then no promise of 48 working hours is open
ACCOUNTS = "SELECT account, CAST(SUM(amount) AS BIGINT) FROM billing_entry GROUP BY account ORDER BY account"
CART_CODE = re.compile(r"DBC(?:-[0-9A-Z]+)+")


@dataclass
class Notes:
    """What buyers were told, and must find again."""

    orders: dict[str, str] = field(default_factory=dict)  # idempotency key → order
    cart_codes: dict[str, str] = field(default_factory=dict)  # order → cart code
    withdrawn: set[str] = field(default_factory=set)  # orders
    forged: Counter[int] = field(default_factory=Counter)  # what forged returns were answered with
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
        """Pay (or not), come back (or not), again where it seems to be needed, and remember what was told."""
        seen = None
        for go in range(2):
            if not self._pay_once(f"proof-{number}-{go}", order, notes):
                notes.outcomes["not_payable"] += not go
                break
            seen = self._call("GET", f"/orders/{order}")
            if not seen or seen["state"] != "registered" or self.chance.random() < 0.5:
                break  # whoever is not told how it went may pay a second time
        notes.outcomes[str(seen and seen["state"])] += 1
        if seen and seen["cart_code"]:
            notes.cart_codes[order] = seen["cart_code"]
            if self.chance.random() < 0.04:
                told = self._call("POST", f"/orders/{order}/cancel")
                if told is None:  # the answer to the first call was lost in a kill, and the second came too late
                    told = self._call("GET", f"/orders/{order}")
                if told and told["state"] == "cancelled":
                    notes.withdrawn.add(order)

    def _pay_once(self, key: str, order: str, notes: Notes) -> bool:
        """Go to a bank and come back. False when no bank gives a token."""
        for attempt in range(3):  # a bank that gives no token is asked again, or the other one, as a person would
            gateway = self.chance.choice(BANKS)
            started = self._call("POST", f"/orders/{order}/payments", {"gateway": gateway}, f"{key}-{attempt}")
            if started is not None:
                break
        else:
            return False
        token = started["redirect_url"].rpartition("token=" if gateway == "saman" else "/")[2]
        if self.chance.random() < 0.1:
            self._forge(gateway, token, notes)
        gives_up = self.chance.random() < 0.05
        paid = httpx.post(
            f"{self.house.bank_url}/_sim/pay/{token}", json={"status": "NOK" if gives_up else "OK"}, timeout=20
        ).json()
        if paid["callbacks"] > 1:  # the browser sends its return twice, at the same moment
            with ThreadPoolExecutor(2) as both:
                list(both.map(lambda _: self._come_back(paid), range(2)))
        elif paid["callbacks"]:
            self._come_back(paid)
            if self.chance.random() < 0.05:
                self._come_back(paid)  # the page is loaded anew
        return True

    def _come_back(self, paid: dict[str, Any]) -> None:
        for _ in range(3):  # a browser tries for a while and is then closed
            try:
                if paid["callback_form"] is None:
                    httpx.get(paid["callback_url"], timeout=20, trust_env=False)
                else:
                    httpx.post(paid["callback_url"], data=paid["callback_form"], timeout=20, trust_env=False)
            except httpx.HTTPError:
                time.sleep(0.3)
            else:
                break

    def _forge(self, gateway: str, token: str, notes: Notes) -> None:
        """Come back without having paid: to this bank, to the other with this bank's token, with a token of our own."""
        brought = {
            "zarinpal": {"Authority": token, "Status": "OK"},
            "saman": {"Token": token, "State": "OK", "Status": "2", "RefNum": "Gmshtyjw200000001==", "Amount": "1"},
        }
        other = BANKS[gateway == BANKS[0]]
        for where, fields in (
            (gateway, brought[gateway]),
            (other, {name: token for name in brought[other]} | {"Status": "OK", "State": "OK"}),
            (gateway, {**brought[gateway], "Authority": "A" + "0" * 35, "Token": "0" * 40}),
        ):
            with suppress(httpx.HTTPError):
                url = f"{self.house.url}/pay/{where}/callback"
                notes.forged[httpx.post(url, data=fields, timeout=20, trust_env=False).status_code] += 1


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


def run(
    *,
    orders: int,
    database: str,
    seed: int,
    folder: Path,
    kill_every: float,
    buyers: int = 8,
    writer_process: bool = False,
) -> dict[str, Any]:
    """Run one campaign and compare the books. Returns the figures; `wrong` lists everything that does not agree."""
    chance, notes = random.Random(seed), Notes()
    rush = max(orders // 10, 6)
    scarce = rush * 2 // 3
    begun = time.monotonic()
    with House(folder, database=database, writer_process=writer_process) as house:
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
        happened = house.faults_happened()
        house.faults(**dict.fromkeys(FAULTS, 0.0))
        house._wait_ready()
        settle(house)
        stuck = break_what_is_stuck(house)
        wrong = compare(house, notes, scarce)
        wrong += reconcile(house, folder)
        return {
            "database": database, "seed": seed, "orders": orders, "placed": len(notes.orders),
            "cart_codes_seen": len(notes.cart_codes), "kills": dict(house.kills), **ending(house),
            "withdrawn": len(notes.withdrawn), "forged": dict(notes.forged), "faults": happened,
            "shown_broken_then_paid_by_hand": stuck, "taken_back_and_found": TAKEN_BACK,
            "seconds": round(time.monotonic() - begun), "outcomes": dict(notes.outcomes), "wrong": wrong,
        }  # fmt: skip


def ending(house: House) -> dict[str, Any]:
    """How it all ended, from the exports: orders by state, money given back, tokens at the banks, accounts."""
    states = Counter(row["state"] for row in house.export("orders"))
    back = Counter(f"{row['kind']} {row['state']}" for row in house.export("payments") if row["kind"] != "payment")
    return {
        "orders_by_state": dict(states),
        "given_back": dict(back),
        "banks": dict(Counter(f"{row['gateway']} {row['state']}" for row in house.ledger())),
        "accounts": {account: amount for account, amount in house.rows(ACCOUNTS) if amount},
    }


def settle(house: House) -> None:
    """Let time pass until no payment is open and no refund can be made by the bank: the sweeps' own work, and nobody
    else's. Where a bank has no way back but the one it refused, a person is needed (`break_what_is_stuck`).
    """
    started, begun = datetime.now(UTC), time.monotonic()
    for jump in range(60):
        open_ = [row for row in house.export("payments") if row["state"] not in SETTLED | {"done"}]
        # What was killed between its row and its token, and not asked for again, is paid by nobody.
        open_ = [row for row in open_ if not needs_a_person(row) and (row["token"] or row["state"] != "new")]
        if not open_ and not unsent(house):
            return
        # Banks are asked ever more seldom, so the clock is moved on: ten minutes each time, from the real hour.
        passed = timedelta(seconds=time.monotonic() - begun)
        house.set_clock(started + passed + timedelta(minutes=10 * (jump + 1)))
        time.sleep(3)
    raise AssertionError(f"not settled: {open_[:5]} {unsent(house)[:5]}")


def unsent(house: House) -> list[dict[str, Any]]:
    return [row for row in house.export("outbox") if not row["sent_at"] and not row["dead_at"]]


def needs_a_person(row: dict[str, Any]) -> bool:
    """What a bank has no way to give back (Saman has reversals and nothing else) leaves by a transfer of ours."""
    is_stuck = row["kind"] == "paya" or (row["gateway"] == "saman" and row["kind"] == "refund")
    return is_stuck and row["state"] != "done"


def break_what_is_stuck(house: House) -> int:
    """Let days pass, so that each promise to give money back that is not kept yet is broken, and shown as that.

    Returns how many there are.
    """
    stuck = sum(map(needs_a_person, house.export("payments")))
    if stuck:
        house.set_clock(datetime.fromisoformat(house.clock.read_text()) + BROKEN_BY)
        house.run("tick")
        for _ in range(40):
            if not unsent(house):
                break
            time.sleep(1)
    return stuck


def compare(house: House, notes: Notes, pieces: int) -> list[str]:
    """Hold the exports against the banks' ledger, the provider's messages and what buyers were told."""
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
    owed: Counter[str] = Counter()
    taken = 0  # rials that the banks took, whether they are still there or not
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
        must(ours["gateway"] == told["gateway"], f"{token}: of {told['gateway']}, ours says {ours['gateway']}")
        if ours["state"] == "captured":
            taken += ours["amount"]
            must(receipt_of(told) == ours["refnum"], f"{token}: another receipt")
            must(told["paid_amount"] == ours["amount"], f"{token}: another amount")
        if state == "REVERSED":
            reversed_ = [row for row in back[token] if row["state"] == "done"]
            must(ours["state"] == "returned" or len(reversed_) == 1, f"{token}: reversed, not written down")
            continue
        must(state == "VERIFIED" and ours["state"] == "captured", f"{token}: {state} / {ours['state']}")
        must(given_back == sum(row["amount"] for row in back[token] if row["state"] == "done"), f"{token}: refunds")
        owed[ours["order"]] += sum(row["amount"] for row in back[token] if row["state"] != "done")
        if told["paid_amount"] - given_back > 0:
            held[ours["order"]] += told["paid_amount"] - given_back
    for code, order in orders.items():
        final = order["state"] == "final"
        due = (order["total"] if final else 0) + owed[code]
        must(held[code] == due, f"{code}: {order['state']}, the bank holds {held[code]} and not {due}")
        must(bool(order["cart_code"]) == final or order["state"] == "cancelled", f"{code}: {order['state']}, cart code")
    accounts = dict(house.rows(ACCOUNTS))
    finals = sum(order["total"] for order in orders.values() if order["state"] == "final")
    ours_once = {row["payment"] for row in payments.values() if row["state"] == "captured"}
    refunds = [row for rows in back.values() for row in rows]
    gone = sum(row["amount"] for row in refunds if row["state"] == "done" and row["payment"] in ours_once)
    must(accounts.get("unallocated", 0) == 0, f"unallocated: {accounts}")
    must(-accounts.get("orders", 0) == finals, f"the accounts hold {accounts}, final orders come to {finals}")
    must(-accounts.get("refunds", 0) == sum(owed.values()), f"{accounts} are owed back, and not {sum(owed.values())}")
    must(taken == finals + gone + sum(owed.values()), f"taken {taken}, final {finals}, back {gone}, owed {owed}")
    promised = {row["subject"]: row for row in house.export("promises") if row["subject"].startswith("refund:")}
    must(len(promised) == len(refunds), f"{len(refunds)} refunds, {len(promised)} promises of them")
    ends = Counter("kept" if row["kept_at"] else row["state"] for row in promised.values())
    must(ends["kept"] == sum(row["state"] == "done" for row in refunds), f"refund promises: {dict(ends)}")
    must(set(ends) <= {"kept", "broken"}, f"refund promises: {dict(ends)}")
    for code in notes.withdrawn:
        must(orders[code]["state"] == "cancelled", f"{code}: withdrawn from, now {orders[code]['state']}")
    codes = [order["cart_code"] for order in orders.values() if order["cart_code"]]
    must(len(codes) == len(set(codes)), "a cart code twice")
    for key, code in notes.orders.items():
        must(code in orders and orders[code]["idempotency_key"] == key, f"{code}: placed, then lost")
    for code, cart_code in notes.cart_codes.items():
        must(orders.get(code, {}).get("cart_code") == cart_code, f"{code}: its cart code changed")
    scarce = next(row for row in house.export("stock") if row["sku"] == "PROOF-00")
    must(scarce["allocated"] <= pieces, f"oversold: {scarce}")
    must(set(notes.forged) <= {303, 404, 429, 503}, f"forged returns: {notes.forged}")
    texts: Counter[str] = Counter()
    repeats = 0
    known = set(codes)
    for text in house.texts():
        repeats += bool(text.get("duplicate"))
        texts.update(known & set(CART_CODE.findall(text["message"])))
    must(all(texts[cart_code] for cart_code in codes), "a cart code that nobody was told")
    must(repeats <= sum(house.kills.values()), f"{repeats} messages twice, {house.kills}")
    for line in house.run("check-invariants", ok=(0, 1)).splitlines():
        must(line.startswith("OK"), line)
    return wrong


def receipt_of(told: dict[str, Any]) -> str:
    """The receipt number of a payment, as its bank writes it."""
    number = str(told["ref_id"])
    return f"Gmshtyjw{number}==" if told["gateway"] == "saman" else number


def reconcile(house: House, folder: Path) -> list[str]:
    """Take the banks' own statement in. Whatever a person transferred by hand is on it and keeps what was broken; then
    the bank takes some payments back, and the next statement finds exactly these.
    """
    wrong = []
    by_hand = [
        (told, row["amount"])
        for row in house.export("payments")
        if needs_a_person(row)
        for told in house.ledger()
        if told["authority"] == row["token"]
    ]
    lines = statement(house.ledger(), by_hand)
    found = house.reconcile(folder / "statement-1.csv", lines)
    if found["differences"] or len(found["kept"]) != len(by_hand):
        wrong.append(f"statement: kept {len(found['kept'])} of {len(by_hand)}, differences {found['differences'][:3]}")
    late = [row for row in house.export("payments") if row["kind"] != "payment" and row["state"] != "done"]
    if late:
        wrong.append(f"not given back after the statement: {late[:3]}")
    whole = [row for row in house.ledger() if row["state"] == "VERIFIED" and not row["refunds"]]
    hands = {told["authority"] for told, _ in by_hand}
    gone = [row for row in whole if row["authority"] not in hands][:TAKEN_BACK]
    for row in gone:
        house.take_back(row["authority"])
    found = house.reconcile(folder / "statement-2.csv", statement(house.ledger(), by_hand))
    shown = sorted((row["how"], row["refnum"]) for row in found["differences"])
    if shown != sorted(("unknown_refund", receipt_of(row)) for row in gone):
        wrong.append(f"the bank took {len(gone)} back, the work list says {shown[:9]}")
    for line in house.run("check-invariants", ok=(0, 1)).splitlines():
        if not line.startswith("OK"):
            wrong.append(line)
    return wrong


def statement(ledger: list[dict[str, Any]], by_hand: list[tuple[dict[str, Any], int]]) -> list[str]:
    """What the banks write of their ledger: whatever was verified, and what went back of it."""
    lines = []
    for row in ledger:
        if row["verified_at"]:
            mine = f"{receipt_of(row)},{row['merchant']}"
            lines.append(f"{mine},{row['paid_amount']},payment,{row['verified_at']}")
            if row["state"] == "REVERSED":
                lines.append(f"{mine},{row['paid_amount']},reversal,{row['reversed_at']}")
            lines += [f"{mine},{refund['amount']},refund,{refund['at']}" for refund in row["refunds"]]
    lines += [f"{receipt_of(row)},{row['merchant']},{amount},refund,{row['verified_at']}" for row, amount in by_hand]
    return lines


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--orders", type=int, default=3000)
    asked.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    asked.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    asked.add_argument("--kill-every", type=float, default=4.0, help="seconds, on average")
    asked.add_argument("--writer-process", action="store_true", help="with a process that writes for the web process")
    asked.add_argument("--keep", help="folder to leave logs and data in")
    given = asked.parse_args()
    failed = False
    for database in ["sqlite", "postgres"] if given.database == "both" else [given.database]:
        folder = Path(given.keep or tempfile.mkdtemp(prefix="peyman-proof-")) / database
        folder.mkdir(parents=True)
        figures = run(
            orders=given.orders,
            database=database,
            seed=given.seed,
            folder=folder,
            kill_every=given.kill_every,
            writer_process=given.writer_process,
        )
        if not given.keep and not figures["wrong"]:
            shutil.rmtree(folder.parent)
        print(json.dumps(figures, ensure_ascii=False))
        failed = failed or bool(figures["wrong"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
