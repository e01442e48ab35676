"""Who asks each service while it is fuzzed: every kind of credential that it knows, and nobody."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from services.contracts.identity import CART_OWNER_HEADER, Scope, guest_owner_id
from tests.integration.shop_client import Shop, Shopper
from tests.stacks import RunningStack

GUEST = uuid.UUID(int=7)


@dataclass(frozen=True)
class Caller:
    """One way to speak to one service.

    Attributes:
        name: as it is printed.
        headers: sent with every request.
        known: by parameter ("path.sku"), values that exist, mixed with those that are made up.
        main: whether the short run speaks like this too.
    """

    service: str
    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, list[str]] = field(default_factory=dict)
    main: bool = False


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def callers(shop: Shop) -> list[Caller]:
    """All of them, in the order in which they are printed."""
    return [*_of_catalog(shop), *_of_cartdb(shop), *_of_idp(shop), *_of_payments(shop.stack), *_of_controller(shop)]


def _of_catalog(shop: Shop) -> Iterator[Caller]:
    goods = {"path.sku": [shop.goods(), shop.goods()], "path.variant_sku": ["t-shirt-m"]}
    editor = shop.service_token("catalog-editor", shop.stack.secrets["CATALOG_CLIENT_SECRET"], Scope.CATALOG_WRITE)
    yield Caller("catalog", "nobody", known=goods)
    yield Caller("catalog", Scope.CATALOG_WRITE, bearer(editor), goods, main=True)
    yield Caller("catalog", Scope.STOCK_CHECKOUT, _controllers(shop, Scope.STOCK_CHECKOUT), goods, main=True)


def _of_cartdb(shop: Shop) -> Iterator[Caller]:
    customer = shop.customer()
    customer.add("apple", 2)
    known = {"path.cart_id": [customer.cart()["cart_id"], "current"]}
    owner = {CART_OWNER_HEADER: guest_owner_id(GUEST)}
    yield Caller("cartdb", "a shopper", bearer(shop.token_of(customer.username)), known, main=True)
    yield Caller(
        "cartdb", Scope.CART_GUEST, {**_controllers(shop, Scope.CART_GUEST), **owner}, {"path.cart_id": ["current"]}
    )
    yield Caller("cartdb", Scope.CART_CHECKOUT, {**_controllers(shop, Scope.CART_CHECKOUT), **owner}, main=True)
    yield Caller("cartdb", Scope.CART_WATCH, _controllers(shop, Scope.CART_WATCH))


def _controllers(shop: Shop, scope: str) -> dict[str, str]:
    return bearer(shop.service_token("controller", shop.stack.secrets["OIDC_CLIENT_SECRET"], scope))


def _of_idp(shop: Shop) -> Iterator[Caller]:
    known = {"query.client_id": ["controller", "cli"], "query.redirect_uri": [f"{shop.stack.url}/callback"]}
    yield Caller("idp", "nobody", known=known)
    yield Caller("idp", "a shopper", bearer(shop.token_of(shop.customer().username)), known, main=True)


def _of_payments(stack: RunningStack) -> Iterator[Caller]:
    for name, main in (("SECRET", True), ("PUBLISHABLE", False)):
        yield Caller("payments", name.lower(), bearer(stack.secrets[f"PAYMENTS_{name}_KEY"]), main=main)


def _of_controller(shop: Shop) -> Iterator[Caller]:
    customer = shop.customer()
    customer.add("apple", 2)
    order = customer.buy("banana")
    customer.add("apple", 1)
    known = {"path.sku": ["apple", "banana"], "path.order_id": [order["order_id"]]}
    yield Caller("controller", "a guest", known=known)
    yield Caller("controller", "a cookie", {"Cookie": f"sid={customer.cookie}"}, _with_cart(known, customer))
    program = shop.with_token(shop.token_of(customer.username))
    yield Caller("controller", "a bearer", _authorization(program), _with_cart(known, customer), main=True)
    yield Caller("controller", "an operator", _authorization(shop.operator()), known)


def _authorization(shopper: Shopper) -> dict[str, str]:
    return {"Authorization": shopper.http.headers["authorization"]}


def _with_cart(known: Mapping[str, list[str]], shopper: Shopper) -> dict[str, list[str]]:
    return {**known, "path.cart_id": [shopper.cart()["cart_id"]]}
