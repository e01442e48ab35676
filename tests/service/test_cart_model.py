"""cartdb does what the model says, step by step, whatever shoppers, checkouts and sign-ins do in whatever order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.contracts.identity import first_cart_id, undone_cart_id
from tests.cart_model import DELETED, IN_CHECKOUT, OPEN, STRATEGIES, Cart, Edit, Limits, Outcome, Owner, Refused, Told
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.cartdb_client import ADDRESS, CartDb, new_guest, running_cartdb

T = TypeVar("T")
JSON = dict[str, Any]
Few = list[tuple[str, int]]
World = dict[str, dict[str, tuple[object, ...]]]

LIMITS = Limits(quantity=9, lines=3, carts=3)
LOOK = """
    SELECT owner_id, cart_id::text, status, version, name, cart_id = current_cart_id AS current, COALESCE((
        SELECT json_object_agg(sku, quantity) FROM lines
        WHERE lines.owner_id = carts.owner_id AND lines.cart_id = carts.cart_id), '{}')::text AS lines
    FROM carts JOIN shoppers USING (owner_id) WHERE owner_id = ANY($1)
"""
STEPS = settings(
    max_examples=30,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

WANTED = {
    *("ok", "replayed", "idempotency_key_reused", "precondition_failed", "cart_not_found", "cart_in_checkout"),
    *("cart_already_purchased", "cart_is_being_adopted", "quantity_limit_exceeded", "line_limit_exceeded"),
    *("cart_limit_exceeded", "purchase pending", "purchase paid", "purchase failed", "purchase_is_settled"),
    *("purchase_has_failed", "intent_mismatch", "order_not_found", "moved", "summed", "kept_larger", "kept_user"),
    *("kept_guest", "capped_quantity_limit", "left_out_line_limit", "a straggler"),
    *("untouched", "undone", "merge_not_found", "merge_cannot_be_undone"),
}
"""Everything that must have come about in a run: refusals, states and reasons."""

owners = st.integers(0, 2)
picks = st.integers(0, 4)
quantities = st.integers(1, 6)
skus = st.sampled_from(["apple", "banana", "cherry", "fig"])
keys = st.sampled_from([None, None, "k1", "k2"])
names = st.sampled_from([None, "Party", "Weekly"])
checkouts = st.integers(0, 5)
intents = st.sampled_from(["pi_1", "pi_1", "pi_2"])
guests = st.integers(0, 1)
steps = st.sampled_from(["attach", "settle", "settle", "unpurchase"])
strategies = st.sampled_from(sorted(STRATEGIES))
few = st.lists(st.tuples(skus, quantities), min_size=1, max_size=3)
fingerprints = st.sampled_from(["f", "f", "f", "g"])


@dataclass
class Stand:
    """cartdb in a loop of its own, which goes on between the steps of a machine that is not asynchronous."""

    runner: asyncio.Runner
    cartdb: CartDb
    database: asyncpg.Connection

    def __post_init__(self) -> None:
        self.guest, self.checkout = self.cartdb.guest(""), self.cartdb.checkout("")
        self._users: dict[str, dict[str, str]] = {}

    def credential(self, owner_id: str, user: str | None) -> dict[str, str]:
        """What a guest or a user is known by; signed once, because signing takes most of the time."""
        if user is None:
            return {**self.guest, "Cart-Owner": owner_id}
        if user not in self._users:
            self._users[user] = self.cartdb.issuer.user(user)
        return self._users[user]

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


def told(receipt: Iterable[JSON]) -> list[Told]:
    columns = ("sku", "guest_quantity", "user_quantity", "quantity", "left_out", "why")
    return sorted(cast(Told, tuple(line[name] for name in columns)) for line in receipt)


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
        self.known: list[tuple[int, str]] = []
        self.merges: dict[str, tuple[int, list[JSON]]] = {}

    @initialize()
    def begin(self) -> None:
        self.user = f"modelled-{next(self._numbers)}"
        self.ids = [new_guest(), new_guest(), self.cartdb.owner_of(self.user)]
        self.owners = [Owner(str(first_cart_id(owner_id)), LIMITS) for owner_id in self.ids]
        self.checkouts = [[str(uuid4()) for _ in range(6)] for _ in range(3)]
        self.merge_ids = [str(uuid4()), str(uuid4())]

    # --- asking

    def ask(self, method: str, path: str, headers: dict[str, str], body: JSON | None = None) -> httpx.Response:
        return self.stand.run(self.cartdb.http.request(method, path, json=body, headers=headers))

    def headers(self, owner: int, *, key: str | None = None, expected: int | None = None) -> dict[str, str]:
        who = self.stand.credential(self.ids[owner], self.user if owner == 2 else None)
        keyed = {"Idempotency-Key": key} if key else {}
        return {**who, **keyed, **({"If-Match": f'"{expected}"'} if expected is not None else {})}

    def checkout(self, owner: int) -> dict[str, str]:
        return {**self.stand.checkout, "Cart-Owner": self.ids[owner]}

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

    @rule(owner=owners, sku=skus, quantity=quantities, key=keys, times=st.integers(2, 3))
    def add_again_and_again(self, *, owner: int, sku: str, quantity: int, key: str | None, times: int) -> None:
        for _ in range(times):
            self.edit(owner=owner, action="add", sku=sku, quantity=quantity, pick=None, behind=None, key=key)

    @rule(owner=owners, sku=skus, quantity=quantities, pick=picks)
    def edit_one_version_too_late(self, *, owner: int, sku: str, quantity: int, pick: int) -> None:
        for behind in (0, 1):
            self.edit(owner=owner, action="set", sku=sku, quantity=quantity, pick=pick, behind=behind, key=None)

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
        cart, checkout_id = self.cart(owner, pick), self.checkouts[owner][checkout]
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
        self.known.append((owner, checkout_id))

        told = (cart.cart_id, checkout_id)
        self.decided(answer, owner, "purchase", *told, version=version, fingerprint=fingerprint)

    @precondition(lambda self: self.known)
    @rule(pick=picks, step=steps, intent=st.none() | intents)
    def step(self, pick: int, step: str, intent: str | None) -> None:
        """One more step of some checkout, in order or out of it; or of one that never was."""
        owner, checkout_id = self.known[-1 - pick % len(self.known)]
        self._step(owner, str(uuid4()) if pick == 4 else checkout_id, step, intent)

    def _step(self, owner: int, checkout_id: str, step: str, intent: str | None) -> None:
        told = (intent, "declined") if step == "unpurchase" else (intent or "pi_1",)
        body = dict(zip(("intent_id", "reason"), told, strict=False))
        answer = self.ask("POST", f"/purchases/{checkout_id}/{step}", self.checkout(owner), body)

        self.decided(answer, owner, step, checkout_id, *told)

    @rule(owner=owners, sku=skus, pick=picks, checkout=checkouts, end=steps)
    def buy(self, *, owner: int, sku: str, pick: int, checkout: int, end: str) -> None:
        """A checkout in order, if its cart is open; what is done again afterwards finds it bought or open again."""
        self.edit(owner=owner, action="add", sku=sku, quantity=1, pick=pick, behind=None, key=None)
        self.purchase(owner=owner, pick=pick, checkout=checkout, behind=0, fingerprint="f")
        self.edit(owner=owner, action="add", sku=sku, quantity=1, pick=pick, behind=None, key=None)
        for step, intent in (("attach", "pi_1"), ("attach", "pi_2"), (end, "pi_1")):
            self._step(owner, self.checkouts[owner][checkout], step, intent)

    @rule(owner=owners, pick=picks, checkout=checkouts, fingerprint=fingerprints)
    def void(self, *, owner: int, pick: int, checkout: int, fingerprint: str) -> None:
        checkout_id, cart_id = self.checkouts[owner][checkout], self.cart(owner, pick).cart_id
        if not any(cart.version for cart in self.owners[owner].carts.values()):
            return  # There may be no row whose version could be raised, and nothing that could be bought.
        body = {"cart_id": cart_id, "fingerprint": fingerprint, "reason": "never_came"}
        answer = self.ask("POST", f"/purchases/{checkout_id}/void", self.checkout(owner), body)

        told = {"fingerprint": fingerprint, "reason": "never_came"}
        self.decided(answer, owner, "void", checkout_id, cart_id, **told)

    # --- sign-ins

    @rule(guest=guests, other=st.integers(0, 9))
    def freeze(self, guest: int, other: int) -> None:
        """For the user; one time in ten for somebody else, who is refused once the guest is taken, and the reverse."""
        merge_id, target = self.merge_ids[guest], "user:somebody-else" if other == 9 else self.ids[2]
        body = {"merge_id": merge_id, "target_owner": target}
        answer = self.ask("POST", "/adoptions/freeze", self.headers(guest), body)

        slug, lines = tried(lambda: self.owners[guest].freeze(merge_id, target))
        assert outcome_of(answer) == slug, answer.text
        if lines is not None:
            frozen = answer.json()["lines"]
            assert {line["sku"]: line["quantity"] for line in frozen} == lines
            if target == self.ids[2]:
                self.merges[merge_id] = (guest, frozen)

    @precondition(lambda self: self.merges)
    @rule(pick=picks, strategy=strategies)
    def apply(self, pick: int, strategy: str) -> None:
        """What was frozen, be it new or applied long ago, and under whatever strategy."""
        merge_id, (guest, lines) = list(self.merges.items())[-1 - pick % len(self.merges)]
        self._apply(self.ids[guest], merge_id, lines, strategy)

    def _apply(self, guest_owner: str, merge_id: str, lines: list[JSON], strategy: str) -> None:
        asked = {"lines": lines, "strategy": strategy}
        [shown] = self.ask("POST", "/adoptions/preview", self.headers(2), asked).json()["previews"]
        first, is_new = str(first_cart_id(guest_owner)), merge_id not in self.owners[2].merges
        body = {"merge_id": merge_id, "guest_owner": guest_owner, "guest_cart_id": first, "strategy": strategy}
        answer = self.ask("POST", "/adoptions/apply", self.headers(2), {**body, "lines": lines})

        held = {line["sku"]: line["quantity"] for line in lines}
        slug, merge = tried(lambda: self.owners[2].apply(merge_id, held, strategy))
        assert outcome_of(answer) == slug, answer.text
        if merge is not None:
            assert told(answer.json()["lines"]) == sorted(merge.receipt)
            assert not is_new or told(shown["lines"]) == sorted(merge.receipt)
            self.met.update(why for *_, why in merge.receipt)
            self.met["a straggler"] += bool(lines) and merge_id not in self.merges

    @precondition(lambda self: self.owners[2].merges)
    @rule(pick=picks)
    def undo(self, pick: int) -> None:
        """The last merge, or one of before, which has become another cart since; or one that never was."""
        known = list(self.owners[2].merges)
        merge_id = str(uuid4()) if pick == 4 else known[-1 - pick % len(known)]
        answer = self.ask("POST", f"/adoptions/{merge_id}/undo", self.headers(2))

        ids = [str(undone_cart_id(UUID(merge_id), number)) for number in range(2)]
        slug, merge = tried(lambda: self.owners[2].undo(merge_id, ids))
        assert outcome_of(answer) == slug, answer.text
        self.met[slug] += 1
        self.met["undone"] += merge is not None

    @rule(guest=guests)
    def close(self, guest: int) -> None:
        answer = self.ask("POST", f"/adoptions/{self.merge_ids[guest]}/close", self.headers(guest))

        self.owners[guest].close(self.merge_ids[guest])
        assert answer.status_code == 204

    @rule(guest=guests, theirs=few, mine=few, strategy=strategies, paying=st.none() | steps, undo=st.booleans())
    def shop_and_sign_in(
        self, *, guest: int, theirs: Few, mine: Few, strategy: str, paying: str | None, undo: bool
    ) -> None:
        """Somebody new, who may have begun a checkout, becomes the user, who has a cart already."""
        self.ids[guest] = new_guest()
        self.owners[guest] = Owner(str(first_cart_id(self.ids[guest])), LIMITS)
        self.merge_ids[guest], self.checkouts[guest] = str(uuid4()), [str(uuid4()) for _ in range(6)]
        self.known = [(owner, checkout_id) for owner, checkout_id in self.known if owner != guest]
        for owner, lines in ((guest, theirs), (2, mine)):
            for sku, quantity in lines:
                self.edit(owner=owner, action="add", sku=sku, quantity=quantity, pick=None, behind=None, key=None)
        if paying:
            self.purchase(owner=guest, pick=0, checkout=0, behind=0, fingerprint="f")
            self.create(owner=guest, name=None, activate=True, key=None)
            self.edit(owner=guest, action="add", sku="fig", quantity=1, pick=None, behind=None, key=None)
        self.freeze(guest, 0)
        self.apply(0, strategy)
        self.close(guest)
        if undo and self.owners[2].merges:
            self.undo(0)
        if paying:
            self._step(guest, self.checkouts[guest][0], "attach", "pi_1")
            self._step(guest, self.checkouts[guest][0], paying, "pi_1")
            self.finish_what_others_left()

    @precondition(lambda self: any(owner.adopted for owner in self.owners))
    @rule()
    def finish_what_others_left(self) -> None:
        """As reconcile does, stragglers that came back from a checkout included; each moves exactly once."""
        path = "/unfinished?older_than=0&limit=500"
        listed = self.ask("GET", path, self.checkout(0)).json()["adoptions"]
        for frozen in (one for one in listed if one["guest_owner"] in self.ids and one["target_owner"] == self.ids[2]):
            guest, merge_id = self.ids.index(frozen["guest_owner"]), frozen["merge_id"]
            assert {line["sku"]: line["quantity"] for line in frozen["lines"]} == self.owners[guest].frozen(merge_id)
            self._apply(frozen["guest_owner"], merge_id, frozen["lines"], frozen["strategy"])
            if merge_id in self.owners[2].merges:
                self.ask("POST", f"/adoptions/{merge_id}/close", self.checkout(guest)).raise_for_status()
                self.owners[guest].close(merge_id)

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
        """Every cart's history leads to what it holds, and to what it held at its versions of before."""
        for at, owner in enumerate(self.owners):
            for cart in owner.carts.values():
                if cart.status != DELETED and cart.version:
                    for version in {cart.version, cart.version // 2}:
                        assert self._rebuilt(at, cart, version) == cart.past[version], (cart, version)

    def _rebuilt(self, owner: int, cart: Cart, version: int) -> object:
        path = f"/carts/{cart.cart_id}/history?version={version}"
        return self.ask("GET", path, self.headers(owner)).json()["lines"]


def do_what_every_run_compares(machine: CartMachine) -> None:
    """Whatever is drawn afterwards: limits that cap, lines left out, a bought cart, as many carts as may be."""
    machine.begin()
    carts = [([("apple", 2)], [("apple", 5)]), ([("apple", 6), ("fig", 1)], [("apple", 6), ("banana", 1)])]
    for strategy in STRATEGIES:
        for theirs, mine in (*carts, ([("cherry", 1)], [("apple", 1)])):
            ways = {"strategy": strategy, "paying": "unpurchase", "undo": True}
            machine.shop_and_sign_in(guest=0, theirs=theirs, mine=mine, **ways)
            machine.undo(4)
        machine.create(owner=2, name=None, activate=True, key=None)
        machine.delete(owner=2, pick=-2, key=None)
    machine.buy(owner=1, sku="apple", pick=0, checkout=0, end="settle")
    for pick in (0, 4):
        machine.step(pick, "unpurchase", "pi_1")
    machine.edit(owner=1, action="add", sku="apple", quantity=1, pick=0, behind=None, key=None)
    for _ in range(LIMITS.carts):
        machine.add_again_and_again(owner=1, sku="fig", quantity=2, key="k", times=2)
        machine.create(owner=1, name="Party", activate=False, key=None)
    machine.the_tables_are_as_the_model_is()
    machine.teardown()


def test_whatever_is_done_in_whatever_order_cartdb_does_as_the_model_says(stand: Stand) -> None:
    CartMachine.stand = stand
    do_what_every_run_compares(CartMachine())

    run_state_machine_as_test(CartMachine, settings=STEPS)

    # What never came about was not compared.
    assert {what for what in WANTED if not CartMachine.met[what]} == set(), CartMachine.met
