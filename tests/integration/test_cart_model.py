"""The running shop does what the model of carts says, step by step, for a guest and a user with carts and devices."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.contracts.identity import undone_cart_id
from tests.cart_model import OPEN, STRATEGIES, Cart, Edit, Limits, Outcome, Owner
from tests.integration.shop_client import Shop, Shopper
from tests.stacks import RunningStack

JSON = dict[str, Any]

LIMITS = Limits(quantity=999, lines=200, carts=20)
STEPS = settings(
    max_examples=6,
    stateful_step_count=15,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
WANTED = {
    *("ok", "replayed", "idempotency_key_reused", "precondition_failed", "cart_not_found", "quantity_limit_exceeded"),
    *("cart_already_purchased", "paid", "declined", "summed", "capped_quantity_limit", "undone"),
}
"""Everything that must have come about in a run."""

owners = st.integers(0, 1)
picks = st.integers(0, 3)
quantities = st.sampled_from([1, 2, 3, 600])
goods = st.integers(0, 2)
keys = st.sampled_from([None, None, "k1", "k2"])


def slug_of(answer: httpx.Response) -> str:
    assert answer.status_code < 500, answer.text
    return "ok" if answer.is_success else str(answer.json()["type"]).removeprefix("/docs/problems#")


def seen(cart: JSON) -> tuple[object, ...]:
    lines = {line["sku"]: line["quantity"] for line in cart["items"]}
    assert (len(lines), sum(lines.values())) == (cart["items_count"], cart["total_items"])
    return (cart["status"], cart["version"], cart["name"], lines)


class ShopMachine(RuleBasedStateMachine):
    """0 is a guest, who becomes the user at a sign-in and is followed by another; 1 is the user, with more devices."""

    shop: ClassVar[Shop]
    skus: ClassVar[list[str]]
    met: ClassVar[Counter[str]] = Counter()

    @initialize()
    def begin(self) -> None:
        self.customer = self.shop.customer()
        self.devices: list[list[Shopper]] = [[self.shop.guest()], [self.customer]]
        self.owners = [Owner(devices[0].cart()["cart_id"], LIMITS) for devices in self.devices]

    def cart(self, owner: int, pick: int) -> Cart:
        carts = list(self.owners[owner].carts.values())
        return carts[-1 - pick % len(carts)]

    def ask(self, owner: int, method: str, path: str, body: JSON | None = None, **headers: str) -> httpx.Response:
        """From each of the owner's devices in turn."""
        devices = self.devices[owner]
        devices.append(devices.pop(0))
        return devices[-1].http.request(method, path, json=body, headers=headers)

    def look(self, owner: int) -> dict[str, tuple[object, ...]]:
        """What GET /carts shows."""
        carts = self.ask(owner, "GET", "/carts").json()["carts"]
        return {cart["cart_id"]: (*seen(cart), cart["current"]) for cart in carts}

    def agree(self, owner: int, outcome: Outcome, answer: httpx.Response) -> None:
        self.owners[owner].bind(self.look(owner))
        assert slug_of(answer) == outcome.slug, answer.text
        self.met[outcome.slug] += 1
        if outcome.slug == "ok" and outcome.cart is not None and answer.status_code != 204:
            cart = answer.json()
            assert (cart["cart_id"], seen(cart)) == (outcome.cart.cart_id, outcome.cart.seen)
            assert answer.headers["etag"] == f'"{outcome.cart.version}"'
            # The answers about whole carts do not tell whether they were given before.
            told = answer.headers.get("idempotent-replayed") == "true"
            assert told == (outcome.replayed and "/items" in answer.request.url.path)
            self.met["replayed"] += told

    @rule(owner=owners, action=st.sampled_from(["add", "add", "set", "remove", "clear"]), sku=goods,
          quantity=quantities, pick=st.none() | picks, behind=st.sampled_from([None, None, 0, 1]), key=keys,
          times=st.integers(1, 2))  # fmt: skip
    def edit(
        self, *, owner: int, pick: int | None, behind: int | None, key: str | None, times: int, **how: Any
    ) -> None:
        model, action, sku, quantity = self.owners[owner], how["action"], self.skus[how["sku"]], how["quantity"]
        named = None if pick is None else self.cart(owner, pick).cart_id
        shown = model.find(named)
        expected = None if behind is None else max(0, shown.version - behind)
        edit = Edit(action, sku, quantity, named, expected)
        where = f"/carts/{named}/items" if named else "/cart/items"
        requests: dict[str, tuple[str, str, JSON | None]] = {
            "add": ("POST", where, {"sku": sku, "quantity": quantity}),
            "set": ("PUT", f"{where}/{sku}", {"quantity": quantity}),
            "remove": ("DELETE", f"{where}/{sku}", None),
            "clear": ("DELETE", where, None),
        }
        method, path, body = requests[action]
        headers = {"Idempotency-Key": key} if key else {}
        headers |= {"If-Match": f'"{expected}"'} if expected is not None else {}
        same = (method, path, expected, sku, body and quantity)

        for _ in range(times):
            answer = self.ask(owner, method, path, body, **headers)

            self.agree(owner, model.keyed(key, same, lambda: model.edit(edit)), answer)
            if answer.status_code == 412:
                assert answer.json()["cart"] == self.ask(owner, "GET", f"/carts/{shown.cart_id}").json()

    @rule(owner=owners, pick=picks)
    def edit_anothers(self, owner: int, pick: int) -> None:
        theirs = self.cart(1 - owner, pick).cart_id

        answer = self.ask(owner, "POST", f"/carts/{theirs}/items", {"sku": self.skus[0]})

        assert slug_of(answer) == "cart_not_found"

    @rule(owner=owners, name=st.sampled_from([None, "Party"]), key=keys)
    def create(self, owner: int, name: str | None, key: str | None) -> None:
        model, headers = self.owners[owner], {"Idempotency-Key": key} if key else {}

        answer = self.ask(owner, "POST", "/carts", {"name": name}, **headers)

        self.agree(owner, model.keyed(key, ("POST", "/carts", name), lambda: model.create(name)), answer)

    @rule(owner=owners, pick=picks, deed=st.sampled_from(["rename", "activate", "delete"]))
    def change_a_whole_cart(self, owner: int, pick: int, deed: str) -> None:
        model, cart_id = self.owners[owner], self.cart(owner, pick).cart_id
        path = f"/carts/{cart_id}"
        match deed:
            case "rename":
                outcome = model.keyed(None, None, lambda: model.rename(cart_id, "Weekly"))
                answer = self.ask(owner, "PATCH", path, {"name": "Weekly"})
            case "activate":
                outcome = model.keyed(None, None, lambda: model.activate(cart_id))
                answer = self.ask(owner, "POST", f"{path}/activate")
            case _:
                outcome = model.keyed(None, None, lambda: model.delete(cart_id))
                answer = self.ask(owner, "DELETE", path)

        self.agree(owner, outcome, answer)

    @rule(owner=owners, pick=picks, good=st.booleans())
    def pay(self, owner: int, pick: int, *, good: bool) -> None:
        """A good card buys the cart, a declined one leaves it open at its next version, an empty one is refused."""
        model, cart = self.owners[owner], self.cart(owner, pick)
        if cart.status != OPEN:
            return
        card, checkout_id = "pm_card_visa" if good else "pm_card_chargeDeclined", str(uuid4())
        answer = self.devices[owner][0].check_out(f"/carts/{cart.cart_id}/checkout", payment_method=card)

        if not cart.lines:
            assert slug_of(answer) == "cart_is_empty"
            return
        model.purchase(cart.cart_id, checkout_id, version=cart.version, fingerprint="f")
        model.attach(checkout_id, "pi")
        if good:
            model.settle(checkout_id, "pi")
        else:
            model.unpurchase(checkout_id, "pi", "declined")
        assert answer.status_code == (201 if good else 402), answer.text
        self.met["paid" if good else "declined"] += 1
        model.bind(self.look(owner))

    @rule(sku=goods, quantity=quantities, strategy=st.sampled_from(sorted(STRATEGIES)), undo=st.booleans())
    def sign_in(self, *, sku: int, quantity: int, strategy: str, undo: bool) -> None:
        """The guest puts something in and becomes the user, by a strategy of this sign-in; and may take it back."""
        self.edit(owner=0, action="add", sku=sku, quantity=quantity, pick=None, behind=None, key=None, times=1)
        (device,) = self.devices[0]
        self.shop.sign_in(device, self.customer.username, merge=strategy)
        merge_id = str(device.read("/session")["merge_id"])

        lines = self.owners[0].freeze(merge_id, "the user")
        told = {line["sku"]: line for line in device.read(f"/merges/{merge_id}")["lines"]} if lines else {}
        if lines:
            ordered = {sku: lines[sku] for sku in told if sku in lines}
            for name, *figures, why in self.owners[1].apply(merge_id, ordered, strategy).receipt:
                columns = ("guest_quantity", "user_quantity", "quantity", "left_out")
                assert ([told[name][column] for column in columns], told[name]["why"]) == (figures, why)
                self.met[why] += 1
        self.devices[1].append(device)
        self.devices[0] = [self.shop.guest()]
        self.owners[0] = Owner(self.devices[0][0].cart()["cart_id"], LIMITS)
        if lines and undo:
            self.undo(merge_id)

    def undo(self, merge_id: str) -> None:
        for _ in range(2):
            answer = self.ask(1, "POST", f"/merges/{merge_id}/undo")

            assert slug_of(answer) == "ok", answer.text
            self.owners[1].undo(merge_id, [str(undone_cart_id(UUID(merge_id), 0))])
        self.met["undone"] += 1

    @invariant()
    def what_is_shown_is_what_the_model_has(self) -> None:
        for at, owner in enumerate(self.owners):
            shown, current = self.look(at), self.ask(at, "GET", "/cart").json()
            assert (current["cart_id"], seen(current)) == (owner.current, owner.find(None).seen)
            open_ones = {cart.cart_id: owner.seen[cart.cart_id] for cart in owner.unpurchased}
            # The first cart is listed from its first change on.
            assert shown in (open_ones, {}) if len(owner.carts) == 1 else shown == open_ones

    def teardown(self) -> None:
        """Every cart's history leads to what it holds."""
        for at, owner in enumerate(self.owners):
            for cart in owner.unpurchased:
                answer = self.ask(at, "GET", f"/carts/{cart.cart_id}/history")
                assert answer.json()["lines"] == cart.lines


def place_of(machine: ShopMachine, cart_id: str) -> int:
    """The draw that picks one of the user's carts."""
    return [*reversed(machine.owners[1].carts)].index(cart_id)


def do_what_every_run_compares(machine: ShopMachine) -> None:
    """Whatever is drawn afterwards."""
    machine.begin()
    add = {"action": "add", "sku": 0, "pick": None, "behind": None}
    machine.edit(owner=1, quantity=600, key="k1", times=2, **add)
    machine.edit(owner=1, quantity=600, key=None, times=1, **add)
    machine.edit(owner=1, quantity=1, key="k1", times=1, **add)
    for undo in (True, False):
        machine.sign_in(sku=0, quantity=600, strategy="sum", undo=undo)
    machine.sign_in(sku=1, quantity=1, strategy="sum", undo=False)
    machine.sign_in(sku=1, quantity=1, strategy="sum", undo=False)
    machine.edit(owner=1, quantity=1, key=None, times=1, **{**add, "behind": 1})
    bought = machine.owners[1].current
    for good in (False, True):
        machine.pay(1, place_of(machine, bought), good=good)
        machine.what_is_shown_is_what_the_model_has()
    machine.edit(owner=1, quantity=1, key=None, times=1, **{**add, "pick": place_of(machine, bought)})
    machine.change_a_whole_cart(0, 0, "delete")
    machine.change_a_whole_cart(0, 1, "rename")
    machine.what_is_shown_is_what_the_model_has()
    machine.teardown()


@pytest.fixture
def machine(stack: RunningStack) -> Iterator[type[ShopMachine]]:
    with Shop(stack) as shop:
        ShopMachine.shop = shop
        ShopMachine.skus = [shop.goods(stock=1_000_000, price=100 + n) for n in range(3)]
        yield ShopMachine


def test_whatever_is_done_in_whatever_order_the_shop_does_as_the_model_says(machine: type[ShopMachine]) -> None:
    do_what_every_run_compares(machine())

    run_state_machine_as_test(machine, settings=STEPS)

    # What never came about was not compared.
    assert {what for what in WANTED if not machine.met[what]} == set(), machine.met
