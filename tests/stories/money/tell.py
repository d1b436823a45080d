"""Making stories up, telling them, and making one that fails as short as it can be."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from tests.make import NOW
from tests.stories.money.model import ASKING, BACKING, BANKS, OPEN, STARTING, Disagreement, Model, Token, must
from tests.stories.money.world import Goods, World, opened

PIECES = {"plenty": 4, "last": 1}
PRICES = {"plenty": 1_000_000, "last": 3_000_000}
WAITS = (1, 6, 14, 21, 26, 31, 52, 24 * 60, 4 * 24 * 60)  # minutes: on both sides of every limit
STEPS = {  # how often, about, of a hundred
    "place": 7, "start": 15, "pay": 22, "back": 20, "sweep": 10, "wait": 8, "cancel": 5, "reprice": 5,
    "forge": 3, "astray": 3, "again": 2, "take_back": 2, "shop_cancel": 2, "ask_more": 3, "answer": 3,
}  # fmt: skip
# A sweep comes this long after the last: longer than any bank is left alone, so that all that is open is due.
SWEPT_EVERY = timedelta(minutes=11)


@dataclass(frozen=True)
class Step:
    """What somebody does. `which` counts back from the newest order or token; the rest is read by the verb."""

    verb: str
    which: int = 0
    much: int = 0
    weather: str = ""

    def __str__(self) -> str:
        weather = f" while {self.weather}" if self.weather else ""
        return f"{self.verb}(which={self.which}, much={self.much}){weather}"


def story(seed: int, number: int) -> list[Step]:
    """The same story for the same seed and number."""
    chance = random.Random(f"money {seed} {number}")
    verbs = [verb for verb in ("place", "start", "pay", "back") if chance.random() < 0.85]  # else few stories begin
    verbs += chance.choices(list(STEPS), list(STEPS.values()), k=chance.randint(2, 13))
    weathers = {"start": STARTING, "back": ASKING, "sweep": BACKING}
    return [
        Step(
            verb,
            min(int(chance.expovariate(1.2)), 4),
            chance.randrange(12),
            chance.choice(sorted(weathers[verb])) if verb in weathers and chance.random() < 0.3 else "",
        )
        for verb in verbs
    ]


class Teller:
    """Tells a story to the shop and to the model, and holds one against the other after each step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.model = Model(NOW, PIECES, PRICES)
        self.happened: Counter[str] = Counter()
        self.gone: list[int] = []  # tokens that the bank took back, and that were not owed back

    def tell(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self._do(step)
            self._compare()
        self._end()

    def _do(self, step: Step) -> None:
        verb = getattr(self, f"_{step.verb}")
        self.happened[step.verb] += bool(verb(step))

    # ---- Verbs: whether there was anything to do ----

    def _order(self, step: Step) -> int:
        return len(self.model.orders) - 1 - step.which % max(1, len(self.model.orders))

    def _token(self, step: Step) -> int:
        return len(self.model.tokens) - 1 - step.which % max(1, len(self.model.tokens))

    def _place(self, step: Step) -> bool:
        sku, pieces = ("last", 1) if step.much % 3 == 0 else ("plenty", 1 + step.much % 2)
        said = self.world.place(step.which, sku, pieces)
        expected = "" if self.model.left(sku) >= pieces else "sold_out"
        must(said == expected, f"placing says {said!r} and not {expected!r}")
        if not said:
            self.model.place(sku, pieces, self.world.orders[-1].pay_until)
        return True

    def _start(self, step: Step) -> bool:
        if not self.model.orders:
            return False
        number = self._order(step)
        order, bank, agrees = self.model.orders[number], BANKS[step.much % 2], step.much % 3 == 0
        with self.world.weather(step.weather):
            said = self.world.start(number, bank, agrees=agrees)
        expected = self.model.refusal_to_start(order, agrees=agrees)
        if not expected:
            self.model.start(order)
            if step.weather in STARTING:
                expected = "bank_away"
        must(said == expected, f"starting to pay says {said!r} and not {expected!r}")
        if not said:
            self.model.give_token(order, bank)
        return True

    def _again(self, step: Step) -> bool:
        """The same request once more: the same token, whatever became of it."""
        if not self.model.tokens:
            return False
        token = self._token(step)
        said = self.world.start_again(token, self.model.orders.index(self.model.tokens[token].order))
        must(said == self.world.name_of(token), "the same key began another payment")
        return True

    def _pay(self, step: Step) -> bool:
        if not self.model.tokens:
            return False
        number = self._token(step)
        token = self.model.tokens[number]
        if step.much == 1:
            self.world.pay(number, "NOK", 0)
            self.model.give_up(token)
        else:
            paid = self.world.pay(number, "OK", {2: 1_000, 3: -70_000}.get(step.much, 0))
            self.model.pay(token, paid)
        return True

    def _back(self, step: Step) -> bool:
        if not self.model.tokens:
            return False
        number = self._token(step)
        token, believes = self.model.tokens[number], step.much % 4 != 0
        with self.world.weather(step.weather):
            said = self.world.come_back(token.bank, self.world.name_of(number), says_ok=believes)
        seen = self.world.standings()[number]
        self.model.asked(token, believes=believes, weather=step.weather, seen=seen)
        is_final = token.is_captured and token.order.has_code and not token.standing.back("not_due")
        must((said == "final") == (is_final and not token.standing.back("sold_out")), f"the browser was told {said!r}")
        return True

    def _forge(self, step: Step) -> bool:
        """A token that no bank gave out."""
        forged = ["A" + "0" * 35, "0" * 40, "", "x' OR 1=1 --", "A" * 500][step.much % 5]
        must(self.world.come_back(BANKS[step.which % 2], forged, says_ok=True) == "payment_unknown", "a forged token")
        return True

    def _astray(self, step: Step) -> bool:
        """One bank's token, brought back by the other's door."""
        if not self.model.tokens:
            return False
        number = self._token(step)
        other = BANKS[self.model.tokens[number].bank == BANKS[0]]
        said = self.world.come_back(other, self.world.name_of(number), says_ok=True)
        must(said == "payment_unknown", f"a token at the other bank's door: {said!r}")
        return True

    def _cancel(self, step: Step) -> bool:
        return self._close(step, self.world.cancel, self.model.cancel, "not_cancellable")

    def _ask_more(self, step: Step) -> bool:
        if not self._close(step, self.world.ask_more, self.model.ask_more, "order_state"):
            return False
        number = self._order(step)
        order = self.model.orders[number]
        if order.state == "incomplete" and order.asked_at == self.model.now:
            order.answer_until = self.world.answer_until(number)
        return True

    def _answer(self, step: Step) -> bool:
        return self._close(step, self.world.answer, self.model.answer, "nothing_asked")

    def _shop_cancel(self, step: Step) -> bool:
        is_gone = step.much % 2 == 0
        return self._close(
            step,
            lambda number: self.world.cancel_by_shop(number, self.model.orders[number].sku, is_gone=is_gone),
            lambda order: self.model.cancel_by_shop(order, is_gone=is_gone),
            "order_state",
        )

    def _close(self, step: Step, act: Callable[[int], str], expect: Callable[..., bool], refusal: str) -> bool:
        if not self.model.orders:
            return False
        number = self._order(step)
        before = self.model.orders[number].state
        said, expected = act(number), "" if expect(self.model.orders[number]) else refusal
        must(said == expected, f"{step.verb} of a {before} order says {said!r} and not {expected!r}")
        return True

    def _reprice(self, step: Step) -> bool:
        sku = list(PRICES)[step.which % 2]
        price = PRICES[sku] * (100, 99, 90, 110)[step.much % 4] // 100
        self.world.reprice(sku, price)
        self.model.prices[sku] = price
        return True

    def _wait(self, step: Step) -> bool:
        span = timedelta(minutes=WAITS[step.much % len(WAITS)])
        self.world.wait(span)
        self.model.wait(span)
        return True

    def _take_back(self, step: Step) -> bool:
        if not self.model.tokens:
            return False
        number = self._token(step)
        if not self.model.take_back(self.model.tokens[number]):
            return False
        self.world.take_back(number)
        return True

    def _sweep(self, step: Step) -> bool:
        """A worker comes by. In which order it asks is its own business."""
        world, model = self.world, self.model
        world.wait(SWEPT_EVERY)
        model.wait(SWEPT_EVERY)
        due = model.open_tokens()
        with world.weather(step.weather):
            world.sweep()
        seen = world.standings()
        asked = [world.payments.index(key) for key in world.checked]
        must(set(asked) == due and len(asked) == len(due), f"the sweep asked of tokens {asked}, open were {due}")
        for number in asked:
            token = model.tokens[number]
            verifying = token.standing.ours == "verifying"
            model.asked(token, believes=verifying, weather=step.weather, seen=seen[number])
        tried = [(world.payments.index(key), reason) for key, reason in world.given]
        must(len(tried) == len(set(tried)), f"the sweep tried a refund twice: {tried}")
        for number, token in enumerate(model.tokens):
            for back in token.standing.backs:
                must(
                    back.is_done or (number, back.reason) in tried or model.is_stuck(token, back),
                    f"the sweep left {back} of {model.name(token)} alone",
                )
        for number, reason in tried:
            model.tried_back(model.tokens[number], reason, weather=step.weather, seen=seen[number])
        model.let_go()
        return True

    # ---- Holding one against the other ----

    def _compare(self) -> None:
        world, model = self.world, self.model
        for token, seen in zip(model.tokens, world.standings(), strict=True):
            must(seen == token.standing, f"{model.name(token)} must be {token.standing}, is {seen}")
        for number, (order, book) in enumerate(zip(model.orders, world.books(), strict=True), 1):
            for what, is_, must_be in (
                ("state", book.state, order.state),
                ("cart code", book.has_code, order.has_code),
                ("total", book.total, order.total),
                ("accounts", book.accounts, model.accounts(order)),
                ("paid", book.paid, sum(token.amount for token in order.tokens if token.is_captured)),
                ("given back", book.refunded, sum(t.amount - t.left for t in order.tokens if t.is_captured)),
            ):
                must(is_ == must_be, f"order {number}: its {what} must be {must_be}, is {is_}")
        stock = {sku: (pieces, pieces - model.left(sku)) for sku, pieces in model.on_hand.items()}
        must(world.stock() == stock, f"the stock must be {stock}, is {world.stock()}")
        promised = world.promised()
        for number, token in enumerate(model.tokens):
            for back in token.standing.backs:
                promise = promised[world.payments[number], back.reason]
                is_kept = promise.kept_at is not None
                must(is_kept == back.is_done, f"{model.name(token)}: {back}, its promise is {promise.state}")

    def _end(self) -> None:
        """Calm weather until nothing is left to be done; then nobody owes anybody anything that is not shown."""
        world, model = self.world, self.model
        self._wait(Step("wait", much=5))
        for _ in range(4):
            self._sweep(Step("sweep"))
            if not model.is_busy():
                break
        self._compare()
        must(not model.open_tokens(), f"tokens {model.open_tokens()} are open for ever")
        for token in model.tokens:
            for back in token.standing.backs:
                self.happened[f"{back.reason} {'given back' if back.is_done else 'stuck'}"] += 1
                must(back.is_done or model.is_stuck(token, back), f"{model.name(token)}: {back} is open for ever")
        for order in model.orders:
            self.happened[f"order {order.state}"] += 1
        world.wait(timedelta(days=12))
        model.wait(timedelta(days=12))
        world.judge()
        for (key, reason), promise in world.promised().items():
            token = model.tokens[world.payments.index(key)]
            back = token.standing.back(reason)
            shown = promise.kept_at is not None if back and back.is_done else promise.state == "broken"
            must(shown, f"{model.name(token)}: {back}, its promise is {promise.state}")
        world.assert_invariants()
        self._reconcile()

    def _reconcile(self) -> None:
        """The banks' own statement shows what a bank took back in silence, what never was ours and it would not give
        back, and nothing else.
        """
        silent = {
            self.world.receipt_of(number)
            for number, token in enumerate(self.model.tokens)
            if (token.is_captured and token.standing.till == "REVERSED" and not self._is_given_back(token))
            or (not token.is_captured and token.standing.till == "VERIFIED")
        }
        done = self.world.statement()
        shown = {(row.how, row.refnum) for row in done.open}
        must({receipt for _, receipt in shown} <= silent, f"the statement shows {shown}, taken back were {silent}")
        if silent:
            self.happened["taken back and found"] += 1

    @staticmethod
    def _is_given_back(token: Token) -> bool:
        return any(back.is_done and back.amount == token.amount for back in token.standing.backs)


# ---- Many, and the shortest ----


def told(goods: Goods, steps: Sequence[Step], *, by_http: bool = False) -> tuple[str, Counter[str]]:
    """Tell a story. Returns what does not agree ("" when all does) and what happened in it."""
    with opened(goods, by_http=by_http) as world:
        teller = Teller(world)
        try:
            teller.tell(steps)
        except Disagreement as found:
            return str(found), teller.happened
        except Exception as fault:  # noqa: BLE001  # a story must never end in an error
            return f"{type(fault).__name__}: {fault}", teller.happened
    return "", teller.happened


def shortest(steps: Sequence[Step], fails: Callable[[Sequence[Step]], str]) -> tuple[list[Step], str]:
    """Leave out, and make plainer, whatever the story fails without. Returns it with what it fails by."""
    best, why = list(steps), fails(steps)
    is_shorter = True
    while is_shorter:
        is_shorter = False
        for plainer in _plainer(best):
            if said := fails(plainer):
                best, why, is_shorter = plainer, said, True
                break
    return best, why


def _plainer(steps: list[Step]) -> Iterator[list[Step]]:
    for size in (8, 4, 2, 1):
        for place in range(len(steps) - size, -1, -1):
            yield steps[:place] + steps[place + size :]
    for place, step in enumerate(steps):
        for other in (replace(step, weather=""), replace(step, which=0), replace(step, much=0)):
            if other != step:
                yield [*steps[:place], other, *steps[place + 1 :]]


def printed(steps: Sequence[Step], why: str) -> str:
    return "\n".join([*(f"  {n}. {step}" for n, step in enumerate(steps, 1)), f"  → {why}"])


__all__ = ["OPEN", "Step", "Teller", "printed", "shortest", "story", "told"]
