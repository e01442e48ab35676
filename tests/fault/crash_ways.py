"""The ways that a checkout can go, each with what has to be true at its end however often somebody dies on it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal
from uuid import uuid4

from services.chassis.outbound import Forwarded
from services.contracts.carts import AddLine, MergeStrategy
from services.contracts.catalog import HoldLine
from services.contracts.identity import owner_id_of
from services.contracts.problems import OutcomeNotKnown, Problem, Unavailable
from services.contracts.shop import RefundCommand
from services.controller.authority import Authority
from services.controller.provider import Tokens
from services.controller.session import Merging, Session
from tests.fault.crash_controller import Call, Controller, Fault, MortalSessions
from tests.fault.crash_trial import Trial, Truth
from tests.fault.crash_world import PRICE, QUANTITY, STOCK

Recovery = Literal["the same controller", "another controller", "the same request"]
RECOVERIES: tuple[Recovery, ...] = ("the same controller", "another controller", "the same request")
VISA, DECLINED, SECURE = "pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required"


class Way:
    """A checkout that nothing stops."""

    name: str = "a card that pays"
    detail: str = ""
    threads: tuple[str, ...] = ("FT-36", "FT-37", "FT-43", "FT-44")
    card: str = VISA
    pays: bool = True
    rounds: int = 1
    rounds_after_a_repeat: int = 0

    async def prepare(self, trial: Trial) -> None:
        """Before anything goes wrong."""
        await trial.put_into_cart(trial.controller("set-up").guest(trial.owner), QUANTITY)

    async def act(self, trial: Trial, controller: Controller) -> None:
        """What is done while somebody dies."""
        await trial.check_out(controller)

    async def again(self, trial: Trial, controller: Controller) -> None:
        """What the shopper repeats."""
        await self.act(trial, controller)

    async def look(self, trial: Trial) -> Truth:
        return await trial.look()

    def end_after(self, truth: Truth, recovery: Recovery) -> str:
        """How it must end, from what was true when the recovery began."""
        repeated = recovery == "the same request"
        match truth.state:
            case "none" if repeated:
                return "paid" if self.pays else "failed"
            case "pending" if truth.charged:
                return "paid"
            case "pending" if repeated and self.pays and "canceled" not in truth.intents:
                return "paid"
            case "pending":
                return "failed"
            case decided:
                return decided

    def flaws(self, trial: Trial, truth: Truth, end: str) -> list[str]:
        """What should have held and did not."""
        lines = {trial.sku: QUANTITY}
        sold = trial.sold_to_others + (QUANTITY if end == "paid" else 0)
        paid = end == "paid"
        rules = {
            f"the purchase is {truth.state} and must be {end}": truth.state == end,
            f"charged {truth.charged}": truth.charged == ((PRICE * QUANTITY,) if paid else ()),
            f"intents are {truth.intents}": not paid or truth.intents == ("succeeded",),
            f"an intent that can still be charged: {truth.intents}": end != "failed"
            or set(truth.intents) <= {"canceled"},
            f"the goods are {truth.hold}": truth.hold == "committed"
            if paid
            else truth.hold in (None, "released", "refused"),
            f"stock is {truth.stock}": truth.stock == (STOCK - sold, 0, sold),
            f"the cart is {truth.cart}": truth.cart == ("purchased" if paid else "open", lines),
            f"the next cart is {truth.current}": truth.current == ("open", {} if paid else lines),
            f"told {trial.told}": not _liars(trial.told, end),
        }
        return [what for what, holds in rules.items() if not holds]


def _liars(told: list[str], end: str) -> list[str]:
    """What was told for certain, and is not so."""
    wrong = {"paid": {"failed"}, "failed": {"paid"}, "none": {"paid", "processing"}}
    return [what for what in told if what in wrong.get(end, set())]


class Declined(Way):
    name = "a card that is declined"
    threads: tuple[str, ...] = ("FT-38", "FT-24", "FT-35", "FT-40")
    card = DECLINED
    pays = False


class AuthenticationRequired(Declined):
    name = "a card that wants its holder"
    threads: tuple[str, ...] = ("FT-38", "FT-40")
    card = SECURE


class OutOfStock(Way):
    """Another shopper buys the last ones between the look at the stock and the hold."""

    name = "the last goods go to somebody else before the hold"
    threads: tuple[str, ...] = ("FT-39", "FT-51", "FT-53")
    pays = False

    async def prepare(self, trial: Trial) -> None:
        await super().prepare(trial)
        rival = await Trial.begin(trial.world, trial.parts, VISA)
        rival.sku = trial.sku

        async def buys() -> None:
            await Way().prepare(rival)
            await rival.check_out(rival.controller("rival"))
            trial.sold_to_others = QUANTITY

        trial.events["catalog.items"] = buys


class ChangedTotal(Way):
    name = "a total that is not what was shown"
    threads: tuple[str, ...] = ("FT-67", "FT-41")
    pays = False

    async def prepare(self, trial: Trial) -> None:
        await super().prepare(trial)
        trial.expected_total -= 1


class Stopped(Way):
    """The shopper cancels a checkout whose controller died at some point."""

    pays = False
    died: Fault

    async def prepare(self, trial: Trial) -> None:
        await super().prepare(trial)
        await trial.hang(self.died)

    async def act(self, trial: Trial, controller: Controller) -> None:
        await trial.cancel(controller)


class CalledOff(Stopped):
    name = "the shopper calls off a checkout that hangs before its charge"
    threads: tuple[str, ...] = ("FT-24", "FT-40")
    died = Fault("first", Call("payments.confirm"), "before")


class CalledOffEarly(Stopped):
    name = "the shopper calls off a checkout that has no intent yet"
    threads: tuple[str, ...] = ("FT-24", "FT-40")
    died = Fault("first", Call("payments.create"), "before")


class CalledOffTooLate(Stopped):
    name = "the shopper calls off a checkout whose money is taken"
    threads: tuple[str, ...] = ("FT-36", "FT-37")
    died = Fault("first", Call("payments.confirm"), "after")


class Race(Way):
    """The shopper's other tab cancels while the checkout is between two of its calls."""

    name = "a cancel comes between two calls of the checkout"
    threads: tuple[str, ...] = ("FT-44", "FT-46", "FT-24")

    def __init__(self, after: str) -> None:
        self.detail = f"right after {after}"
        self._after = after

    async def prepare(self, trial: Trial) -> None:
        await super().prepare(trial)

        async def cancels() -> None:
            await trial.live(trial.controller("B"), trial.cancel)

        trial.events[self._after] = cancels

    async def again(self, trial: Trial, controller: Controller) -> None:
        trial.events.clear()  # A cancel that came to nothing, because the checkout died before, does not come later.
        await super().again(trial, controller)


@dataclass
class SignedIn:
    """A guest who has just signed in, and has something in both carts."""

    session: Session
    user: str


class Adopted(Way):
    """The guest's cart moves to the user at sign-in: freeze, apply, close."""

    name = "a guest's cart moves to the user who signed in"
    threads: tuple[str, ...] = ("FT-12", "FT-14", "FT-16", "FT-23")
    merging = Merging()
    rounds_after_a_repeat = 1  # Once it is frozen the session takes it for done, and leaves it to reconcile.

    async def prepare(self, trial: Trial) -> None:
        world = trial.world
        sessions = MortalSessions(world.sessions, trial.controller("set-up").life)
        guest, subject = sessions.fresh(), uuid4().hex
        user = owner_id_of(world.issuer.issuer, subject)
        trial.owner = guest.guest_owner
        trial.owners = frozenset({guest.guest_owner, user})
        await super().prepare(trial)
        token = Forwarded(world.issuer.token(subject=subject, scope="openid profile"))
        await trial.put_into_cart(Authority(token), 1)
        await self.meanwhile(trial)
        tokens = Tokens("access", None, None, 900)
        issuer = world.issuer.issuer
        session = await sessions.sign_in(
            guest, issuer=issuer, subject=subject, name=None, tokens=tokens, merging=self.merging
        )
        trial.kept = SignedIn(session, user)

    async def meanwhile(self, trial: Trial) -> None:
        """What the guest did before signing in."""

    async def act(self, trial: Trial, controller: Controller) -> None:
        sessions = MortalSessions(trial.world.sessions, controller.life)
        session = await sessions.reread(trial.kept.session)
        await controller.adoption(sessions).carry_out(session)

    async def look(self, trial: Trial) -> Truth:
        row = await trial.world.pools["cartdb"].fetchrow(USERS_SIDE, trial.kept.user, trial.owner, trial.cart_id)
        user = (f"receipts: {row['receipts']}", {row["sku"]: int(row["quantity"])})
        return replace(await trial.look(), state="frozen" if row["frozen"] else "none", current=user)

    def end_after(self, truth: Truth, recovery: Recovery) -> str:
        return "moved" if truth.state == "frozen" or recovery == "the same request" else "none"

    def flaws(self, trial: Trial, truth: Truth, end: str) -> list[str]:
        moved = end == "moved"
        user = (f"receipts: {int(moved)}", {trial.sku: 1 + (QUANTITY if moved else 0)})
        rules = {
            f"the guest's cart is {truth.cart}": truth.cart[0] == ("moved" if moved else "open"),
            f"the user has {truth.current}": truth.current == user,
            f"stock is {truth.stock}": truth.stock == (STOCK, 0, 0),
        }
        return [what for what, holds in rules.items() if not holds]


USERS_SIDE = """
    SELECT sku, quantity, (SELECT count(*) FROM receipts WHERE owner_id = $1 AND guest_owner = $2) AS receipts,
           (SELECT merge_id IS NOT NULL FROM carts WHERE owner_id = $2 AND cart_id = $3) AS frozen
      FROM lines WHERE owner_id = $1
"""


class AdoptedWhilePaying(Adopted):
    """The guest's checkout hangs when they sign in: the cart moves once it has come back unpaid."""

    name = "a guest signs in while their checkout hangs"
    threads: tuple[str, ...] = ("FT-21", "FT-22", "FT-12")
    rounds = rounds_after_a_repeat = 2  # The checkout first, then the cart that it gave back.

    async def meanwhile(self, trial: Trial) -> None:
        await trial.hang(Fault("first", Call("payments.confirm"), "before"))


class AdoptedByDecision(Adopted):
    """The shopper is asked, and decides: until cartdb has heard of it both carts stay as they are."""

    name = "a shopper who was asked decides what becomes of the two carts"
    threads: tuple[str, ...] = ("FT-12", "FT-13")
    merging = Merging(MergeStrategy.MAX, ask=True)

    async def act(self, trial: Trial, controller: Controller) -> None:
        sessions = MortalSessions(trial.world.sessions, controller.life)
        session = await sessions.reread(trial.kept.session)
        with suppress(OutcomeNotKnown):
            await controller.adoption(sessions).decide(session, MergeStrategy.SUM)


OPERATOR = "user:operator"


class Refunded(Way):
    """An operator gives a paid order's money back, and one piece of its goods goes back on the shelf."""

    name = "a refund of everything that was taken"
    threads: tuple[str, ...] = ("FT-43", "FT-56")
    amount: int | None = None
    decided = "done"

    async def prepare(self, trial: Trial) -> None:
        await super().prepare(trial)
        await trial.check_out(trial.controller("set-up"))
        trial.told.clear()

    async def act(self, trial: Trial, controller: Controller) -> None:
        command = RefundCommand(amount=self.amount, restock=[HoldLine(sku=trial.sku, quantity=1)])
        try:
            told = await controller.desk.refund(OPERATOR, trial.order_id, command, key=trial.key)
        except Problem as problem:
            trial.told.append("unknown" if isinstance(problem, Unavailable) else "failed")
        else:
            trial.told.append("done" if told.done else "processing")

    async def look(self, trial: Trial) -> Truth:
        pools = trial.world.pools
        states = await pools["cartdb"].fetch("SELECT state FROM refunds WHERE checkout_id = $1", trial.order_id)
        given = await pools["payments"].fetch(GIVEN_BACK, str(trial.order_id))
        state = ",".join(row["state"] for row in states) or "none"
        return replace(await trial.look(), state=state, charged=tuple(-row["amount"] for row in given))

    def end_after(self, truth: Truth, recovery: Recovery) -> str:
        if truth.state == "none" and recovery != "the same request":
            return "none"
        return self.decided

    def flaws(self, trial: Trial, truth: Truth, end: str) -> list[str]:
        back = 1 if end == "done" else 0
        lied = {"done": "failed", "failed": "done", "none": "done"}[end]
        rules = {
            f"the refund is {truth.state} and must be {end}": truth.state == end,
            f"given back {truth.charged}": truth.charged == ((-PRICE * QUANTITY,) if end == "done" else ()),
            f"stock is {truth.stock}": truth.stock == (STOCK - QUANTITY + back, 0, QUANTITY - back),
            f"the cart is {truth.cart}": truth.cart[0] == "purchased",
            f"told {trial.told}": lied not in trial.told,
        }
        return [what for what, holds in rules.items() if not holds]


GIVEN_BACK = """
    SELECT r.amount FROM refunds r JOIN payment_intents i ON i.id = r.payment_intent
     WHERE i.metadata ->> 'checkout_id' = $1
"""


class RefundedTooMuch(Refunded):
    name = "a refund of more than was taken"
    amount = PRICE * QUANTITY + 1
    decided = "failed"


class Edited(Way):
    """The shopper puts one more piece into the cart, under a key."""

    name = "an edit of a cart under a key"
    threads: tuple[str, ...] = ("FT-33", "FT-34")

    async def act(self, trial: Trial, controller: Controller) -> None:
        line = AddLine(sku=trial.sku, quantity=1, product_id=1, unit_price=PRICE)
        who = controller.guest(trial.owner)
        try:
            await controller.carts.update(who, "POST", "/carts/current/items", command=line, key=trial.key)
        except Unavailable:
            trial.told.append("unknown")
        else:
            trial.told.append("edited")

    def end_after(self, truth: Truth, recovery: Recovery) -> str:
        done = truth.cart[1] != {} and max(truth.cart[1].values()) > QUANTITY
        return "edited" if done or recovery == "the same request" else "none"

    def flaws(self, trial: Trial, truth: Truth, end: str) -> list[str]:
        wanted = {trial.sku: QUANTITY + (1 if end == "edited" else 0)}
        rules = {
            f"the cart is {truth.cart} and must hold {wanted}": truth.cart == ("open", wanted),
            f"told {trial.told}": end == "edited" or "edited" not in trial.told,
        }
        return [what for what, holds in rules.items() if not holds]


WAYS: tuple[Way, ...] = (
    *(Way(), Declined(), AuthenticationRequired(), OutOfStock(), ChangedTotal()),
    *(CalledOff(), CalledOffEarly(), CalledOffTooLate()),
    *(Race(after) for after in ("cartdb.purchase", "catalog.hold", "payments.create", "cartdb.attach")),
    *(Race(after) for after in ("payments.confirm", "catalog.commit")),
    *(Adopted(), AdoptedWhilePaying(), AdoptedByDecision(), Refunded(), RefundedTooMuch(), Edited()),
)
