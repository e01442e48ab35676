"""cartdb does what the model says, step by step, whatever shoppers, checkouts and sign-ins do in whatever order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.contracts.identity import first_cart_id
from tests.cart_model import IN_CHECKOUT, OPEN, STRATEGIES, Cart, Edit, Limits, Outcome, Owner, Refused
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.cartdb_client import ADDRESS, CartDb, new_guest, running_cartdb

T = TypeVar("T")
JSON = dict[str, Any]
World = dict[str, dict[str, tuple[object, ...]]]

LIMITS = Limits(quantity=9, lines=3, carts=4)
LOOK = """
    SELECT owner_id, cart_id::text, status, version, name, cart_id = current_cart_id AS current, COALESCE((
        SELECT json_object_agg(sku, quantity) FROM lines
        WHERE lines.owner_id = carts.owner_id AND lines.cart_id = carts.cart_id), '{}')::text AS lines
    FROM carts JOIN shoppers USING (owner_id) WHERE owner_id = ANY($1)
"""
STEPS = settings(
    max_examples=60,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)

WANTED = {
    *("ok", "replayed", "idempotency_key_reused", "precondition_failed", "cart_not_found", "cart_in_checkout"),
    *("cart_already_purchased", "cart_is_being_adopted", "quantity_limit_exceeded", "line_limit_exceeded"),
    *("cart_limit_exceeded", "purchase pending", "purchase paid", "purchase failed", "purchase_is_settled"),
    *("purchase_has_failed", "intent_mismatch", "order_not_found", "moved", "summed", "kept_larger", "kept_user"),
    *("kept_guest", "capped_quantity_limit", "left_out_line_limit", "a straggler"),
}
"""Everything that must have come about in a run: refusals, states and reasons."""

owners = st.integers(0, 2)
picks = st.integers(0, 4)
quantities = st.integers(1, 6)
skus = st.sampled_from(["apple", "banana", "cherry", "fig"])
keys = st.sampled_from([None, None, "k1", "k2"])
names = st.sampled_from([None, "Party", "Weekly"])
checkouts = st.integers(0, 3)
intents = st.sampled_from(["pi_1", "pi_2"])
fingerprints = st.sampled_from(["f", "f", "f", "g"])


@dataclass
class Stand:
    """cartdb in a loop of its own, which goes on between the steps of a machine that is not asynchronous."""

    runner: asyncio.Runner
    cartdb: CartDb
    database: asyncpg.Connection

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def look(self, *owner_ids: str) -> World:
        """Every cart of the owners, as the tables have it."""
        found: World = {owner_id: {} for owner_id in owner_ids}
        for row in self.run(self.database.fetch(LOOK, list(owner_ids))):
            lines = httpx.Response(200, text=row["lines"]).json()
            found[row["owner_id"]][row["cart_id"]] = (
                row["status"], row["version"], row["name"], lines, row["current"],
            )  # fmt: skip
        return found


@pytest_asyncio.fixture(scope="module")
async def urls(make_database: MakeDatabase) -> AsyncIterator[DatabaseUrls]:
    yield await make_database("cartdb")


@pytest.fixture(scope="module")
def stand(urls: DatabaseUrls) -> Iterator[Stand]:
    opened = AsyncExitStack()
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        limits = {"max_quantity": LIMITS.quantity, "max_lines": LIMITS.lines, "max_open_carts": LIMITS.carts}
        cartdb = runner.run(opened.enter_async_context(running_cartdb(urls.app, **limits)))
        connection = runner.run(asyncpg.connect(urls.app))
        yield Stand(runner, cartdb, connection)
        runner.run(connection.close())
        runner.run(opened.aclose())


def outcome_of(answer: httpx.Response) -> str:
    """ "ok", or the slug of the refusal."""
    assert answer.status_code < 500, answer.text
    return "ok" if answer.is_success else str(answer.json()["type"]).removeprefix("/docs/problems#")


def tried(change: Callable[[], T]) -> tuple[str, T | None]:
    """What the model makes of a change: its slug, and what it answers."""
    try:
        return "ok", change()
    except Refused as refusal:
        return refusal.slug, None


def seen(cart: JSON) -> tuple[object, ...]:
    lines = {line["sku"]: line["quantity"] for line in cart["items"]}
    assert len(lines) == len(cart["items"]), cart
    return (cart["status"], cart["version"], cart["name"], lines)


class CartMachine(RuleBasedStateMachine):
    """Two guests and a user with carts, checkouts and sign-ins; after every step the tables are as the model is."""

    stand: ClassVar[Stand]
    met: ClassVar[Counter[str]] = Counter()
    _numbers = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.cartdb = self.stand.cartdb
        self.merges: dict[str, tuple[int, list[JSON]]] = {}

    @initialize()
    def begin(self) -> None:
        self.user = f"modelled-{next(self._numbers)}"
        self.ids = [new_guest(), new_guest(), self.cartdb.owner_of(self.user)]
        self.owners = [Owner(str(first_cart_id(owner_id)), LIMITS) for owner_id in self.ids]
        self.checkouts = [str(uuid4()) for _ in range(4)]
        self.merge_ids = [[str(uuid4()) for _ in range(2)] for _ in range(2)]

    # --- asking

    def ask(self, method: str, path: str, headers: dict[str, str], body: JSON | None = None) -> httpx.Response:
        return self.stand.run(self.cartdb.http.request(method, path, json=body, headers=headers))

    def headers(self, owner: int, *, key: str | None = None, expected: int | None = None) -> dict[str, str]:
        who = self.cartdb.issuer.user(self.user) if owner == 2 else self.cartdb.guest(self.ids[owner])
        keyed = {"Idempotency-Key": key} if key else {}
        return {**who, **keyed, **({"If-Match": f'"{expected}"'} if expected is not None else {})}

    def checkout(self, owner: int) -> dict[str, str]:
        return self.cartdb.checkout(self.ids[owner])

    def cart(self, owner: int, pick: int) -> Cart:
        """One of the owner's carts, in whatever state."""
        carts = list(self.owners[owner].carts.values())
        return carts[pick % len(carts)]

    def bind(self) -> None:
        world = self.stand.look(*self.ids)
        for owner, owner_id in zip(self.owners, self.ids, strict=True):
            owner.bind(world[owner_id])

    def agree(self, outcome: Outcome, answer: httpx.Response) -> None:
        """The answer tells what the model says, and shows the cart as it now is."""
        self.bind()
        assert outcome_of(answer) == outcome.slug, answer.text
        self.met[outcome.slug] += 1
        self.met["replayed"] += outcome.replayed
        if outcome.slug == "ok" and outcome.cart is not None and answer.status_code != 204:
            cart = answer.json()
            assert (cart["cart_id"], seen(cart)) == (outcome.cart.cart_id, outcome.cart.seen)
            assert cart["replayed"] == outcome.replayed

    # --- lines

    @rule(owner=owners, action=st.sampled_from(["add", "add", "set", "remove", "clear"]), sku=skus, quantity=quantities,
          pick=st.none() | picks, behind=st.sampled_from([None, None, 0, 1]), key=keys)  # fmt: skip
    def edit(
        self, *, owner: int, action: str, sku: str, quantity: int, pick: int | None, behind: int | None, key: str | None
    ) -> None:
        """Of the current cart or one by its id, with If-Match at its version or one before, with a key or without."""
        model = self.owners[owner]
        named = None if pick is None else self.cart(owner, pick).cart_id
        shown = model.find(named)
        expected = None if behind is None else max(0, shown.version - behind)
        edit = Edit(action, sku, quantity, named, expected)
        where = f"/carts/{named or 'current'}/items"
        line = {"product_id": 1, "unit_price": 100, "quantity": quantity}
        requests: dict[str, tuple[str, str, JSON | None]] = {
            "add": ("POST", where, {**line, "sku": sku}),
            "set": ("PUT", f"{where}/{sku}", line),
            "remove": ("DELETE", f"{where}/{sku}", None),
            "clear": ("DELETE", where, None),
        }
        method, path, body = requests[action]
        same = (method, path, expected, sku, body and quantity)

        answer = self.ask(method, path, self.headers(owner, key=key, expected=expected), body)

        self.agree(model.keyed(key, same, lambda: model.edit(edit)), answer)
        if answer.status_code == 412:
            assert (answer.json()["cart"]["cart_id"], seen(answer.json()["cart"])) == (shown.cart_id, shown.seen)

    @rule(owner=owners, pick=picks)
    def edit_anothers(self, owner: int, pick: int) -> None:
        """Another owner's cart is the same as none."""
        theirs = self.cart((owner + 1) % 3, pick).cart_id
        line = {"product_id": 1, "unit_price": 100, "sku": "apple"}

        answer = self.ask("POST", f"/carts/{theirs}/items", self.headers(owner), line)

        assert outcome_of(answer) == "cart_not_found"

    # --- carts

    @rule(owner=owners, name=names, activate=st.booleans(), key=keys)
    def create(self, *, owner: int, name: str | None, activate: bool, key: str | None) -> None:
        model = self.owners[owner]

        answer = self.ask("POST", "/carts", self.headers(owner, key=key), {"name": name, "activate": activate})

        same = ("POST", "/carts", name, activate)
        self.agree(model.keyed(key, same, lambda: model.create(name, activate=activate)), answer)

    @rule(owner=owners, pick=picks, name=names, key=keys)
    def rename(self, *, owner: int, pick: int, name: str | None, key: str | None) -> None:
        model, cart_id = self.owners[owner], self.cart(owner, pick).cart_id

        answer = self.ask("PATCH", f"/carts/{cart_id}", self.headers(owner, key=key), {"name": name})

        self.agree(model.keyed(key, ("PATCH", cart_id, name), lambda: model.rename(cart_id, name)), answer)

    @rule(owner=owners, pick=picks, key=keys)
    def activate(self, *, owner: int, pick: int, key: str | None) -> None:
        model, cart_id = self.owners[owner], self.cart(owner, pick).cart_id

        answer = self.ask("POST", f"/carts/{cart_id}/activate", self.headers(owner, key=key))

        self.agree(model.keyed(key, ("activate", cart_id), lambda: model.activate(cart_id)), answer)

    @rule(owner=owners, pick=picks, key=keys)
    def delete(self, *, owner: int, pick: int, key: str | None) -> None:
        model, cart_id = self.owners[owner], self.cart(owner, pick).cart_id

        answer = self.ask("DELETE", f"/carts/{cart_id}", self.headers(owner, key=key))

        self.agree(model.keyed(key, ("DELETE", cart_id), lambda: model.delete(cart_id)), answer)

    # --- purchases

    def decided(self, answer: httpx.Response, owner: int, step: str, *told: Any, **more: Any) -> None:
        slug, purchase = tried(lambda: getattr(self.owners[owner], step)(*told, **more))
        assert outcome_of(answer) == slug, answer.text
        self.met[slug] += 1
        if purchase is not None:
            now = answer.json()
            self.met[f"purchase {purchase.state}"] += 1
            assert (now["state"], now["reason"], now["intent_id"]) == (purchase.state, purchase.reason, purchase.intent)
            self.bind()

    @rule(owner=owners, pick=picks, checkout=checkouts, behind=st.sampled_from([0, 0, 0, 1]), fingerprint=fingerprints)
    def purchase(self, *, owner: int, pick: int, checkout: int, behind: int, fingerprint: str) -> None:
        cart, checkout_id = self.cart(owner, pick), self.checkouts[checkout]
        version = max(0, cart.version - behind)
        lines = [
            {"sku": sku, "product_id": 1, "variant_id": None, "title": sku, "variant": None, "quantity": quantity,
             "unit_price": 100, "line_total": 100 * quantity}
            for sku, quantity in cart.lines.items()
        ]  # fmt: skip
        if not lines:
            return
        amount = sum(100 * quantity for quantity in cart.lines.values())
        to = {"currency": "INR", "shipping_address": ADDRESS, "billing_address": ADDRESS}
        snapshot = {"lines": lines, "amount": amount, **to}
        body = {"checkout_id": checkout_id, "version": version, "fingerprint": fingerprint, "snapshot": snapshot}

        answer = self.ask("POST", f"/carts/{cart.cart_id}/purchase", self.checkout(owner), body)

        told = (cart.cart_id, checkout_id)
        self.decided(answer, owner, "purchase", *told, version=version, fingerprint=fingerprint)

    @rule(owner=owners, checkout=checkouts, intent=intents)
    def attach(self, owner: int, checkout: int, intent: str) -> None:
        path = f"/purchases/{self.checkouts[checkout]}/attach"
        answer = self.ask("POST", path, self.checkout(owner), {"intent_id": intent})

        self.decided(answer, owner, "attach", self.checkouts[checkout], intent)

    @rule(owner=owners, checkout=checkouts, intent=intents)
    def settle(self, owner: int, checkout: int, intent: str) -> None:
        path = f"/purchases/{self.checkouts[checkout]}/settle"
        answer = self.ask("POST", path, self.checkout(owner), {"intent_id": intent})

        self.decided(answer, owner, "settle", self.checkouts[checkout], intent)

    @rule(owner=owners, checkout=checkouts, intent=st.none() | intents)
    def unpurchase(self, owner: int, checkout: int, intent: str | None) -> None:
        path, body = f"/purchases/{self.checkouts[checkout]}/unpurchase", {"intent_id": intent, "reason": "declined"}
        answer = self.ask("POST", path, self.checkout(owner), body)

        self.decided(answer, owner, "unpurchase", self.checkouts[checkout], intent, "declined")

    @rule(owner=owners, pick=picks, checkout=checkouts, fingerprint=fingerprints)
    def void(self, *, owner: int, pick: int, checkout: int, fingerprint: str) -> None:
        checkout_id, cart_id = self.checkouts[checkout], self.cart(owner, pick).cart_id
        if not any(cart.version for cart in self.owners[owner].carts.values()):
            return  # There may be no row whose version could be raised, and nothing that could be bought.
        body = {"cart_id": cart_id, "fingerprint": fingerprint, "reason": "never_came"}
        answer = self.ask("POST", f"/purchases/{checkout_id}/void", self.checkout(owner), body)

        told = {"fingerprint": fingerprint, "reason": "never_came"}
        self.decided(answer, owner, "void", checkout_id, cart_id, **told)

    # --- sign-ins

    @rule(guest=st.integers(0, 1), merge=st.integers(0, 1), other=st.integers(0, 9))
    def freeze(self, guest: int, merge: int, other: int) -> None:
        """For the user; one time in ten for somebody else, who is refused once the guest is taken, and the reverse."""
        merge_id = self.merge_ids[guest][merge]
        target = "user:somebody-else" if other == 0 else self.ids[2]
        body = {"merge_id": merge_id, "target_owner": target}
        answer = self.ask("POST", "/adoptions/freeze", self.headers(guest), body)

        slug, lines = tried(lambda: self.owners[guest].freeze(merge_id, target))
        assert outcome_of(answer) == slug, answer.text
        if lines is not None:
            told = answer.json()["lines"]
            assert {line["sku"]: line["quantity"] for line in told} == lines
            if target == self.ids[2]:
                self.merges[merge_id] = (guest, told)

    @precondition(lambda self: self.merges)
    @rule(pick=picks, strategy=st.sampled_from(sorted(STRATEGIES)))
    def apply(self, pick: int, strategy: str) -> None:
        """What was frozen, be it new or applied long ago, and under whatever strategy."""
        merge_id, (guest, lines) = list(self.merges.items())[pick % len(self.merges)]
        self._apply(guest, merge_id, lines, strategy)

    def _apply(self, guest: int, merge_id: str, lines: list[JSON], strategy: str) -> None:
        first = str(first_cart_id(self.ids[guest]))
        body = {"merge_id": merge_id, "guest_owner": self.ids[guest], "guest_cart_id": first, "strategy": strategy}
        answer = self.ask("POST", "/adoptions/apply", self.headers(2), {**body, "lines": lines})

        quantities = {line["sku"]: line["quantity"] for line in lines}
        slug, receipt = tried(lambda: self.owners[2].apply(merge_id, quantities, strategy))
        assert outcome_of(answer) == slug, answer.text
        if receipt is not None:
            columns = ("sku", "guest_quantity", "user_quantity", "quantity", "why")
            assert [tuple(line[name] for name in columns) for line in answer.json()["lines"]] == receipt
            self.met.update(why for *_, why in receipt)
            self.met["a straggler"] += merge_id not in self.merge_ids[guest]

    @rule(guest=st.integers(0, 1), merge=st.integers(0, 1))
    def close(self, guest: int, merge: int) -> None:
        answer = self.ask("POST", f"/adoptions/{self.merge_ids[guest][merge]}/close", self.headers(guest))

        self.owners[guest].close(self.merge_ids[guest][merge])
        assert answer.status_code == 204

    @precondition(lambda self: any(owner.adopted for owner in self.owners))
    @rule()
    def finish_what_others_left(self) -> None:
        """As reconcile does, stragglers that came back from a checkout included; each moves exactly once."""
        path = "/unfinished?older_than=0&limit=500"
        listed = self.ask("GET", path, self.checkout(0)).json()["adoptions"]
        for frozen in (one for one in listed if one["guest_owner"] in self.ids and one["target_owner"] == self.ids[2]):
            guest = self.ids.index(frozen["guest_owner"])
            assert {line["sku"]: line["quantity"] for line in frozen["lines"]} == self.owners[guest].frozen(
                frozen["merge_id"]
            )
            self._apply(guest, frozen["merge_id"], frozen["lines"], frozen["strategy"])

    # --- what holds after every step

    @invariant()
    def the_tables_are_as_the_model_is(self) -> None:
        world = self.stand.look(*self.ids)
        for owner, owner_id in zip(self.owners, self.ids, strict=True):
            # Whoever has changed nothing has no rows, and an empty first cart all the same.
            assert not world[owner_id] or world[owner_id] == owner.seen
            assert world[owner_id] or owner.seen == Owner(str(first_cart_id(owner_id)), LIMITS).seen

    @invariant()
    def the_current_cart_is_one_that_can_be_filled_or_is_being_paid(self) -> None:
        for owner in self.owners:
            assert owner.adopted or owner.find(None).status in {OPEN, IN_CHECKOUT}

    def teardown(self) -> None:
        """Every cart's history leads to what it holds."""
        for at, owner in enumerate(self.owners):
            for cart in owner.carts.values():
                if cart.status != "deleted":
                    answer = self.ask("GET", f"/carts/{cart.cart_id}/history", self.headers(at))
                    assert answer.json()["lines"] == cart.lines


def test_whatever_is_done_in_whatever_order_cartdb_does_as_the_model_says(stand: Stand) -> None:
    CartMachine.stand = stand

    run_state_machine_as_test(CartMachine, settings=STEPS)

    # What never came about was not compared.
    assert {what for what in WANTED if not CartMachine.met[what]} == set(), CartMachine.met
