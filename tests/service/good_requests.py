"""Every operation of cartdb, catalog and payments with a request that it takes: a good body, the state that it needs.

Tests that say who may do what, and what no body may hold, run over these; one without a request here fails them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from tests.operations import Ask, operations
from tests.service.cartdb_client import CartDb, new_guest, snapshot_of
from tests.service.catalog_stand import Stand
from tests.service.payments_stand import SECRET, Payments, visa

ONE_LINE = {"sku": "apple", "product_id": 1, "unit_price": 4000}
ONE_FROZEN = {
    "sku": "apple",
    "product_id": 1,
    "variant_id": None,
    "quantity": 2,
    "added_price": 4000,
    "added_at": "2026-01-01T00:00:00Z",
}


# --- cartdb


@dataclass(frozen=True)
class Person:
    """An owner of carts, and the credential by which the controller reaches them."""

    owner: str
    headers: Mapping[str, str]


def somebody(db: CartDb) -> Person:
    """A user that nobody has seen."""
    subject = f"u-{uuid4()}"
    headers = db.issuer.user(subject)
    return Person(db.owner_of(subject), headers)


def somebodys_guest(db: CartDb) -> Person:
    """A guest that nobody has seen."""
    owner = new_guest()
    return Person(owner, db.guest(owner))


async def _cart(db: CartDb, who: Person) -> dict[str, Any]:
    answer = await db.add(dict(who.headers), "apple", 2)
    assert answer.status_code == 200, answer.text
    cart: dict[str, Any] = answer.json()
    return cart


async def _at_cart(db: CartDb, who: Person) -> Ask:
    cart_id = (await _cart(db, who))["cart_id"]
    return Ask({"cart_id": cart_id, "cart": cart_id, "sku": "apple"})


def _intent(checkout_id: str) -> str:
    return f"pi_{checkout_id.replace('-', '')}"


async def _marking(db: CartDb, who: Person) -> Ask:
    cart = await _cart(db, who)
    body = {
        "checkout_id": str(uuid4()),
        "version": cart["version"],
        "fingerprint": "f",
        "snapshot": snapshot_of(cart),
    }
    return Ask({"cart_id": cart["cart_id"]}, body)


async def _done(db: CartDb, who: Person, name: str, ask: Ask) -> dict[str, Any]:
    answer = await operations("cartdb")[name].send(db.http, ask, db.checkout(who.owner))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def _marked(db: CartDb, who: Person) -> Ask:
    purchase = await _done(db, who, "purchase", await _marking(db, who))
    return Ask({"checkout_id": purchase["checkout_id"]})


async def _attaching(db: CartDb, who: Person) -> Ask:
    marked = await _marked(db, who)
    return replace(marked, json={"intent_id": _intent(marked.ids["checkout_id"])})


async def _attached(db: CartDb, who: Person) -> Ask:
    attaching = await _attaching(db, who)
    await _done(db, who, "attach", attaching)
    return attaching


async def _unmarking(db: CartDb, who: Person) -> Ask:
    attached = await _attached(db, who)
    return replace(attached, json={**(attached.json or {}), "reason": "card_declined"})


async def _voiding(db: CartDb, who: Person) -> Ask:
    cart = await _cart(db, who)
    return Ask({"checkout_id": str(uuid4())}, {"cart_id": cart["cart_id"], "fingerprint": "f", "reason": "never_came"})


async def _refunding(db: CartDb, who: Person) -> Ask:
    paid = await _attached(db, who)
    await _done(db, who, "settle", paid)
    return replace(
        paid, json={"refund_id": str(uuid4()), "fingerprint": "f", "currency": "INR", "actor": "user:olga", "amount": 5}
    )


async def _begun_refund(db: CartDb, who: Person, **body: Any) -> Ask:
    begun = await _done(db, who, "refund", await _refunding(db, who))
    return Ask({"refund_id": begun["refund_id"]}, body)


async def _freezing(db: CartDb, who: Person, target: str | None = None) -> Ask:
    await _cart(db, who)
    return Ask(json={"merge_id": str(uuid4()), "target_owner": target or somebody(db).owner})


async def _frozen(db: CartDb, guest: Person, target: str | None = None) -> dict[str, Any]:
    freezing = await _freezing(db, guest, target)
    answer = await operations("cartdb")["freeze"].send(db.http, freezing, guest.headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def _applying(db: CartDb, who: Person) -> Ask:
    frozen = await _frozen(db, somebodys_guest(db), who.owner)
    return Ask(json={name: value for name, value in frozen.items() if name != "target_owner"})


async def _applied(db: CartDb, who: Person) -> Ask:
    applying = await _applying(db, who)
    await _done(db, who, "apply", applying)
    return Ask({"merge_id": (applying.json or {})["merge_id"]})


async def _closing(db: CartDb, who: Person) -> Ask:
    return Ask({"merge_id": (await _frozen(db, who))["merge_id"]})


async def _watching(db: CartDb, who: Person) -> Ask:
    await _cart(db, who)
    return Ask(json={"owners": [who.owner]})


async def _with_part(db: CartDb, who: Person) -> Ask:
    await _cart(db, who)
    return Ask({"part": "history"})


def _with(prepared: Callable[[CartDb, Person], Awaitable[Ask]], body: dict[str, Any]) -> "Recipe":
    async def made(db: CartDb, who: Person) -> Ask:
        return replace(await prepared(db, who), json=body)

    return made


Recipe = Callable[[CartDb, Person], Awaitable[Ask]]
SET = {"product_id": 1, "unit_price": 4000, "quantity": 3}

CARTDB: dict[str, Recipe] = {
    "find": _at_cart,
    "find_unpurchased": _at_cart,
    "history": _at_cart,
    "create": _with(_at_cart, {"name": "Second"}),
    "rename": _with(_at_cart, {"name": "First"}),
    "activate": _at_cart,
    "delete": _at_cart,
    "add": _with(_at_cart, ONE_LINE),
    "update": _with(_at_cart, SET),
    "remove": _at_cart,
    "clear": _at_cart,
    "purchase": _marking,
    "list_purchases": _marked,
    "find_purchase": _marked,
    "find_anybodys": _marked,
    "attach": _attaching,
    "settle": _attached,
    "unpurchase": _unmarking,
    "void": _voiding,
    "unfinished": _marked,
    "refund": _refunding,
    "finish_refund": lambda db, who: _begun_refund(db, who, processor_refund_id="re_1"),
    "fail_refund": lambda db, who: _begun_refund(db, who, failure="expired_card"),
    "freeze": _freezing,
    "apply": _applying,
    "close": _closing,
    "receipt": _applied,
    "versions": _watching,
    "account_page": _with_part,
    "erase": _with(_at_cart, {}),
    "movable": _at_cart,
    "preview": _with(_at_cart, {"lines": [ONE_FROZEN]}),
    "undo": _applied,
}
OF_GUESTS = {"freeze", "close", "movable"}
OF_USERS = {"apply", "receipt", "preview", "undo"}


# --- catalog


async def _product(stand: Stand) -> Ask:
    sku, variant = f"p-{uuid4().hex}", f"v-{uuid4().hex}"
    product = {"title": "Thing", "category": "Things", "price": 100}
    answer = await stand.client.put(f"/products/{sku}", json={**product, "stock": 9}, headers=stand.editor)
    assert answer.status_code == 201, answer.text
    return Ask({"sku": sku, "variant_sku": variant}, product)


async def _variant(stand: Stand) -> Ask:
    product = replace(await _product(stand), json={"title": "M"})
    answer = await operations("catalog")["put_variant"].send(stand.client, product, stand.editor)
    assert answer.status_code == 201, answer.text
    return product


async def _holding(stand: Stand) -> Ask:
    product = await _product(stand)
    lines = [{"sku": product.ids["sku"], "quantity": 2}]
    return Ask({"checkout_id": str(uuid4())}, {"lines": lines})


async def _held(stand: Stand) -> Ask:
    holding = await _holding(stand)
    answer = await operations("catalog")["hold_stock"].send(stand.client, holding, stand.checkout)
    assert answer.status_code == 201, answer.text
    return replace(holding, json=None)


async def _sold(stand: Stand) -> Ask:
    holding = await _holding(stand)
    for name in ("hold_stock", "commit_hold"):
        await operations("catalog")[name].send(stand.client, holding, stand.checkout)
    return Ask({"refund_id": str(uuid4())}, {"checkout_id": holding.ids["checkout_id"], **(holding.json or {})})


def _product_with(body: dict[str, Any] | None) -> Callable[[Stand], Awaitable[Ask]]:
    async def made(stand: Stand) -> Ask:
        return replace(await _product(stand), json=body)

    return made


CATALOG: dict[str, Callable[[Stand], Awaitable[Ask]]] = {
    "list_products": _product_with(None),
    "get_product": _product_with(None),
    "list_categories": _product_with(None),
    "query_items": _product_with({"skus": ["apple"]}),
    "get_description": _product_with({"skus": ["apple"]}),
    "put_product": _product,
    "patch_product": _product_with({"price": 200}),
    "delete_product": _product_with(None),
    "put_variant": _product_with({"title": "M"}),
    "delete_variant": _variant,
    "put_stock": _product_with({"stock": 4}),
    "hold_stock": _holding,
    "find_hold": _held,
    "commit_hold": _held,
    "release_hold": _held,
    "restock": _sold,
}


# --- payments


async def _charged(payments: Payments, **parameters: Any) -> dict[str, Any]:
    return await payments.intent(payment_method="pm_card_visa", confirm="true", **parameters)


async def _opened(payments: Payments) -> Ask:
    return Ask({"intent_id": (await payments.intent())["id"]}, {})


async def _confirming(payments: Payments) -> Ask:
    return replace(await _opened(payments), json={"payment_method": "pm_card_visa"})


async def _capturing(payments: Payments) -> Ask:
    return Ask({"intent_id": (await _charged(payments, capture_method="manual"))["id"]}, {})


async def _charge(payments: Payments) -> Ask:
    return Ask({"charge_id": (await _charged(payments))["latest_charge"]})


async def _method(payments: Payments) -> Ask:
    return Ask({"method_id": (await payments.post("payment_methods", **visa())).json()["id"]})


async def _giving_back(payments: Payments) -> Ask:
    return Ask(json={"payment_intent": (await _charged(payments))["id"]})


async def _given_back(payments: Payments) -> Ask:
    intent = await _charged(payments)
    return Ask({"refund_id": (await payments.post("refunds", payment_intent=intent["id"])).json()["id"]})


async def _event(payments: Payments) -> Ask:
    await payments.intent()
    return Ask({"event_id": (await payments.get("events")).json()["data"][0]["id"]})


ENDPOINT = {"url": "https://shop.example/hook", "enabled_events[]": "payment_intent.succeeded"}


async def _no_endpoint(payments: Payments) -> Ask:
    for endpoint in (await payments.get("webhook_endpoints", limit="100")).json()["data"]:
        await payments.client.delete(f"/v1/webhook_endpoints/{endpoint['id']}", headers=SECRET)
    return Ask(json=ENDPOINT)


async def _endpoint(payments: Payments) -> Ask:
    await _no_endpoint(payments)  # There may be a few only.
    made = await payments.client.post("/v1/webhook_endpoints", data=ENDPOINT, headers=SECRET)
    return Ask({"endpoint_id": made.json()["id"]}, {"disabled": "true"})


def _plain(body: dict[str, Any] | None = None) -> Callable[[Payments], Awaitable[Ask]]:
    async def made(_: Payments) -> Ask:
        return Ask(json=body)

    return made


PAYMENTS: dict[str, Callable[[Payments], Awaitable[Ask]]] = {
    "create_payment_method": _plain(visa()),
    "get_payment_method": _method,
    "create_payment_intent": _plain({"amount": "19900", "currency": "inr"}),
    "get_payment_intent": _opened,
    "list_payment_intents": _plain(),
    "confirm_payment_intent": _confirming,
    "capture_payment_intent": _capturing,
    "cancel_payment_intent": _opened,
    "create_refund": _giving_back,
    "get_refund": _given_back,
    "list_refunds": _plain(),
    "get_charge": _charge,
    "list_charges": _plain(),
    "get_event": _event,
    "list_events": _plain(),
    "create_webhook_endpoint": _no_endpoint,
    "update_webhook_endpoint": _endpoint,
    "get_webhook_endpoint": _endpoint,
    "delete_webhook_endpoint": _endpoint,
    "list_webhook_endpoints": _plain(),
}
