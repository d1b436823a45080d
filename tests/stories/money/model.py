"""What must come of a story: orders, tokens at two banks, money on its way back, pieces. Plain Python, no Peyman.

In calm weather there is one way for things to go on. When an answer gets lost there are some; which of them came true
is read off the shop and the banks, and anything else is a disagreement.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

BANKS = ("zarinpal", "saman")
OURS_FOR, BANKS_FOR = timedelta(minutes=20), timedelta(minutes=30)  # for how long a token may be paid
RETURNED_AFTER = timedelta(minutes=30)  # what nobody verified
REVERSED_WITHIN = {"zarinpal": timedelta(minutes=30), "saman": timedelta(minutes=50)}  # of being paid
WE_REVERSE_WITHIN = timedelta(minutes=25)  # of being captured
LEAST_TRANSFER = 20_000  # rials, at Zarinpal; Saman transfers nothing
SHIPPING, INSURED_PERMILLE = 500_000, 3
OPEN = ("pending", "verifying")

# What may fail, by what it strikes: asking how a payment stands, and giving money back.
ASKING = {"verify_drop", "verify_500", "verify_before_500", "garbage", "inquiry_500", "down", "other_receipt"}
BACKING = {"reverse_drop", "reverse_500", "reverse_refuse", "refund_drop", "refund_500", "refund_refuse"}
BACKING |= ASKING  # a way back is proven by asking
STARTING = {"request_drop", "request_500", "garbage", "down"}


class Disagreement(Exception):
    """Shop, banks and model do not agree."""


def must(holds: object, what: str) -> None:
    """Raise Disagreement, in these words, when something does not hold."""
    if not holds:
        raise Disagreement(what)


@dataclass(frozen=True, order=True)
class Back:
    """Money on its way back. `at_bank`: the bank was asked for a transfer and has it."""

    reason: str
    amount: int
    way: str = "reversal"  # or "transfer"
    is_done: bool = False
    at_bank: bool = False


@dataclass(frozen=True)
class Standing:
    """How a token stands at its bank (`till`) and with us (`ours`), and what of it is given back."""

    till: str = "IN_BANK"
    ours: str = "pending"
    backs: tuple[Back, ...] = ()

    def owing(self, back: Back) -> "Standing":
        return replace(self, backs=tuple(sorted((*self.backs, back))))

    def with_back(self, old: Back, new: Back) -> "Standing":
        return replace(self, backs=tuple(sorted(new if one == old else one for one in self.backs)))

    def back(self, reason: str) -> Back | None:
        return next((one for one in self.backs if one.reason == reason), None)


@dataclass(eq=False)
class Token:
    order: "Order"
    bank: str
    amount: int
    made_at: datetime
    standing: Standing = Standing()
    paid: int = 0
    paid_at: datetime | None = None
    captured_at: datetime | None = None

    @property
    def is_right(self) -> bool:
        return self.paid == self.amount

    @property
    def is_captured(self) -> bool:
        return self.standing.ours == "captured"

    @property
    def left(self) -> int:
        """What is neither given back nor owed."""
        return self.amount - sum(back.amount for back in self.standing.backs)


@dataclass(eq=False)
class Order:
    sku: str
    pieces: int
    unit: int
    pay_until: datetime
    state: str = "registered"
    has_code: bool = False
    fees: int = 0
    asked_at: datetime | None = None
    answer_until: datetime | None = None
    tokens: list[Token] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.unit * self.pieces + self.fees

    @property
    def money(self) -> int:
        """What came in and is not on its way back."""
        return sum(token.left for token in self.tokens if token.is_captured)

    @property
    def holds_pieces(self) -> bool:
        return self.has_code and self.state in ("final", "incomplete")


class Model:
    """The shop and its banks as they must be. `now` is everybody's clock."""

    def __init__(self, now: datetime, pieces: dict[str, int], prices: dict[str, int]) -> None:
        self.now, self.on_hand, self.prices = now, dict(pieces), dict(prices)
        self.orders: list[Order] = []
        self.tokens: list[Token] = []

    def left(self, sku: str) -> int:
        taken = sum(order.pieces for order in self.orders if order.sku == sku and order.holds_pieces)
        return self.on_hand[sku] - taken

    # ---- The buyer ----

    def place(self, sku: str, pieces: int, pay_until: datetime) -> None:
        goods = self.prices[sku] * pieces
        order = Order(sku, pieces, self.prices[sku], pay_until)
        order.fees = SHIPPING + goods * INSURED_PERMILLE // 1000 // 10 * 10
        self.orders.append(order)

    def refusal_to_start(self, order: Order, *, agrees: bool) -> str:
        """Why paying cannot begin, in the code of the refusal; "" when it can."""
        if order.state != "registered" or order.pay_until <= self.now:
            return "not_payable"
        if self.left(order.sku) < order.pieces:
            return "sold_out"
        if not self._is_frozen(order) and self.prices[order.sku] > order.unit and not agrees:
            return "total_rose"
        return ""

    def _is_frozen(self, order: Order) -> bool:
        return any(token.standing.ours in OPEN and self.now < token.made_at + OURS_FOR for token in order.tokens)

    def start(self, order: Order) -> None:
        """Bring an order to today's price, unless a token of it may still be paid."""
        if not self._is_frozen(order):
            order.unit = self.prices[order.sku]

    def give_token(self, order: Order, bank: str) -> None:
        token = Token(order, bank, order.total, self.now)
        order.tokens.append(token)
        self.tokens.append(token)

    def pay(self, token: Token, amount: int) -> None:
        if token.standing.till == "IN_BANK":
            token.paid, token.paid_at = amount, self.now
            token.standing = replace(token.standing, till="PAID")

    def give_up(self, token: Token) -> None:
        if token.standing.till == "IN_BANK":
            token.standing = replace(token.standing, till="FAILED")

    def wait(self, span: timedelta) -> None:
        """Time passes; banks let go of what nobody paid, and of what nobody verified."""
        self.now += span
        for token in self.tokens:
            if token.standing.till == "IN_BANK" and self.now - token.made_at > BANKS_FOR:
                token.standing = replace(token.standing, till="FAILED")
            if token.standing.till == "PAID" and token.paid_at and self.now - token.paid_at > RETURNED_AFTER:
                token.standing = replace(token.standing, till="REVERSED")

    def take_back(self, token: Token) -> bool:
        """The bank takes a payment back, and tells nobody. False where it holds nothing."""
        if token.standing.till != "VERIFIED" or any(back.at_bank for back in token.standing.backs):
            return False
        token.standing = replace(token.standing, till="REVERSED")
        return True

    def cancel(self, order: Order) -> bool:
        """The buyer withdraws. False when it is too late."""
        return self._end(order, ("registered", "incomplete", "short", "final"), "cancelled")

    # ---- The shop ----

    def cancel_by_shop(self, order: Order, *, is_gone: bool) -> bool:
        """The shop cancels; `is_gone`: since its pieces are not there. False when it is too late."""
        lost = order.pieces if is_gone and order.holds_pieces else 0
        if not self._end(order, ("registered", "incomplete", "short", "final"), "shop_cancelled"):
            return False
        self.on_hand[order.sku] -= lost
        return True

    def ask_more(self, order: Order) -> bool:
        if order.state not in ("registered", "final") or (order.state == "registered" and order.pay_until <= self.now):
            return False
        order.state, order.asked_at = "incomplete", self.now
        return True

    def answer(self, order: Order) -> bool:
        if order.state != "incomplete":
            return False
        if order.has_code:
            order.state = "final"
            return True
        assert order.asked_at
        order.state = "registered"
        order.pay_until += self.now - order.asked_at
        if order.money >= order.total:
            self._finish(order)
        return True

    def _end(self, order: Order, states: tuple[str, ...], reason: str) -> bool:
        if order.state not in states:
            return False
        order.state = "cancelled"
        for token in order.tokens:
            if token.is_captured and token.left:
                self._owe(token, reason, token.left)
        return True

    def _owe(self, token: Token, reason: str, amount: int) -> None:
        age = self.now - (token.captured_at or self.now)
        is_whole = amount == token.amount and age < WE_REVERSE_WITHIN
        token.standing = token.standing.owing(Back(reason, amount, "reversal" if is_whole else "transfer"))

    # ---- What the bank says ----

    def asked(self, token: Token, *, believes: bool, weather: str, seen: Standing) -> None:
        """The shop asks the bank about a token. `believes`: the browser said that all went well, or verifying was begun
        before, so that the bank is asked to verify at once. `seen`: how it stands when all of this step is over.
        """
        was = token.standing
        if was.ours not in OPEN:
            return
        for after in self._may_become(token, believes, weather):
            if _agrees(after, seen, was):
                token.standing = after
                if after.ours == "captured":
                    self._capture(token)
                elif after.back("sold_out"):
                    token.order.state = "short"
                return
        must(False, f"{self.name(token)} was {was}, and is {seen}")

    def _may_become(self, token: Token, believes: bool, weather: str) -> list[Standing]:
        was = token.standing
        ways = [self._in_calm(token, believes)]
        if weather == "other_receipt" and ways[0].ours == "captured" and self._is_mixed_up(token):
            # Zarinpal names another's receipt, which pays nothing; Saman another payment of ours, and so not this one.
            return [replace(was, till="VERIFIED", ours="verifying") if token.bank == "zarinpal" else _mismatch(token)]
        if weather in ASKING:
            ways += [was, replace(was, ours="verifying")]
            if was.till in ("PAID", "VERIFIED") and token.is_right:
                ways.append(replace(was, till="VERIFIED", ours="verifying"))
            if weather == "other_receipt" and token.bank == "saman" and was.till in ("PAID", "VERIFIED"):
                ways.append(_mismatch(token))
        return ways

    def _is_mixed_up(self, token: Token) -> bool:
        """Whether the bank has another payment to mix this one up with."""
        others = [other for other in self.tokens if other.bank == token.bank and other is not token]
        return any(other.is_captured or other.standing.till == "VERIFIED" for other in others)

    def _in_calm(self, token: Token, believes: bool) -> Standing:
        was, is_blind = token.standing, token.bank == "saman"  # Saman's receipt does not say that it was given back
        is_paid = was.till in ("PAID", "VERIFIED") or (is_blind and was.till == "REVERSED")
        if not believes and not is_paid:
            return self._unpaid(token, was.ours)
        is_gone = token.order.state == "registered" and self.left(token.order.sku) < token.order.pieces
        if not is_blind and was.ours == "pending" and is_gone and was.till != "VERIFIED":
            if was.till != "PAID":
                return self._unpaid(token, was.ours)
            return replace(was, ours="failed").owing(Back("sold_out", token.amount))
        if is_paid and not token.is_right:
            return _mismatch(token)
        if was.till in ("PAID", "VERIFIED"):
            return replace(was, till="VERIFIED", ours="captured")
        return self._unpaid(token, "verifying")

    def _unpaid(self, token: Token, ours: str) -> Standing:
        if token.standing.till == "REVERSED":
            ours = "returned"
        elif token.standing.till == "FAILED" and self.now >= token.made_at + OURS_FOR:
            ours = "failed"
        return replace(token.standing, ours=ours)

    def _capture(self, token: Token) -> None:
        """Money is there: it makes its order final, waits for an answer that is missing, or goes back."""
        order, before = token.order, token.order.money - token.left
        token.captured_at = self.now
        is_enough = token.amount >= order.total
        if order.state == "registered" and is_enough:
            self._finish(order)
        elif not (order.state == "incomplete" and not order.has_code and is_enough and before < order.total):
            self._owe(token, "not_due", token.amount)

    def _finish(self, order: Order) -> None:
        paid = [token for token in order.tokens if token.is_captured and token.left]
        if self.left(order.sku) < order.pieces:
            order.state = "short"
            for token in paid:
                self._owe(token, "sold_out", token.left)
            return
        order.state, order.has_code = "final", True
        order.unit = min(order.unit, self.prices[order.sku])
        for token in paid:
            if spare := min(order.money - order.total, token.left):
                self._owe(token, "price_drop", spare)

    # ---- Giving back ----

    def tried_back(self, token: Token, reason: str, *, weather: str, seen: Standing) -> None:
        """The shop takes one refund a step further."""
        back = token.standing.back(reason)
        must(back and not back.is_done, f"{self.name(token)} gives back {reason}, which it does not owe")
        assert back
        for after in self._may_give(token, back, weather):
            if after.back(reason) == seen.back(reason) and after.till == seen.till:
                token.standing = after
                break
        else:
            must(False, f"{self.name(token)} was {token.standing}, and after giving back {reason} is {seen}")
        order = token.order
        if order.state == "short" and all(one.is_done for each in order.tokens for one in each.standing.backs):
            order.state = "cancelled"

    def _may_give(self, token: Token, back: Back, weather: str) -> list[Standing]:
        was = token.standing
        ways = [self._gives_in_calm(token, back)]
        if weather in BACKING:
            ways.append(was)
            if back.way == "reversal":
                if self._may_reverse(token):
                    ways.append(replace(was, till="REVERSED"))
                if was.ours == "captured":
                    ways.append(was.with_back(back, replace(back, way="transfer")))
                if token.bank == "saman" and was.till == "PAID":
                    ways.append(replace(was, till="VERIFIED"))
            elif token.bank == "zarinpal" and was.till == "VERIFIED" and back.amount >= LEAST_TRANSFER:
                ways.append(was.with_back(back, replace(back, at_bank=True)))
        return ways

    def _may_reverse(self, token: Token) -> bool:
        assert token.paid_at
        is_young = self.now - token.paid_at <= REVERSED_WITHIN[token.bank]
        return token.standing.till in ("PAID", "VERIFIED") and is_young

    def _gives_in_calm(self, token: Token, back: Back) -> Standing:
        was = token.standing
        if back.way == "reversal":
            if was.till == "REVERSED" or self._may_reverse(token):
                ours = was.ours if was.ours == "captured" else "returned"
                return replace(was, till="REVERSED", ours=ours).with_back(back, replace(back, is_done=True))
            return was.with_back(back, replace(back, way="transfer")) if was.ours == "captured" else was
        if token.bank == "zarinpal" and was.till == "VERIFIED" and back.amount >= LEAST_TRANSFER:
            return was.with_back(back, replace(back, is_done=back.at_bank, at_bank=True))
        return was

    # ---- The sweeps ----

    def open_tokens(self) -> set[int]:
        return {n for n, token in enumerate(self.tokens) if token.standing.ours in OPEN}

    def let_go(self) -> None:
        """Unpaid orders expire, unanswered ones are cancelled."""
        for order in self.orders:
            is_open = any(token.standing.ours in OPEN for token in order.tokens)
            if order.state == "registered" and order.pay_until <= self.now and not is_open:
                order.state = "expired"
            elif order.state == "incomplete" and order.answer_until and order.answer_until <= self.now:
                self._end(order, ("incomplete",), "unanswered")

    # ---- The books ----

    def accounts(self, order: Order) -> dict[str, int]:
        """The balance of each account for one order, debit positive, without those that are empty."""
        found: dict[str, int] = dict.fromkeys([*(f"gateway:{bank}" for bank in BANKS), "orders", "refunds"], 0)
        for token in order.tokens:
            if token.is_captured:
                backs = token.standing.backs
                found[f"gateway:{token.bank}"] += token.amount - sum(one.amount for one in backs if one.is_done)
                found["refunds"] -= sum(one.amount for one in backs if not one.is_done)
        found["orders"] = -order.total if order.holds_pieces else 0
        # Money lies unallocated for as long as an order that is paid waits for an answer, and at no other time.
        found["unallocated"] = -order.money if order.state == "incomplete" and not order.has_code else 0
        return {account: amount for account, amount in found.items() if amount}

    def name(self, token: Token) -> str:
        return f"token {self.tokens.index(token) + 1}"

    def is_busy(self) -> bool:
        """Whether the next sweep has something to do for money."""
        return bool(self.open_tokens()) or any(
            not back.is_done and not self.is_stuck(token, back)
            for token in self.tokens
            for back in token.standing.backs
        )

    def is_stuck(self, token: Token, back: Back) -> bool:
        """Whether the bank has no way to give this back, so that a person has to."""
        if back.way == "reversal":  # never ours, confirmed on the way to being reversed, and then too old for it
            return token.bank == "saman" and not token.is_captured and token.standing.till == "VERIFIED"
        return token.bank == "saman" or back.amount < LEAST_TRANSFER or token.standing.till == "REVERSED"


def _mismatch(token: Token) -> Standing:
    return replace(token.standing, ours="failed").owing(Back("mismatch", token.amount))


def _agrees(after: Standing, seen: Standing, was: Standing) -> bool:
    """Say whether things may have gone this way, when `seen` is how they stand after giving back was tried as well."""
    if (after.ours == "captured") != (seen.ours == "captured"):
        return False
    if (after.ours in OPEN) != (seen.ours in OPEN) or (after.ours in OPEN and after.ours != seen.ours):
        return False
    fresh = {back.reason for back in after.backs} - {back.reason for back in was.backs}
    if after.ours != "captured" and fresh != {back.reason for back in seen.backs} - {back.reason for back in was.backs}:
        return False
    return after.till == seen.till or seen.till == "REVERSED" or (after.till == "PAID" and bool(fresh))
