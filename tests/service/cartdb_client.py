"""cartdb in this process over a database of its own, spoken to as the controller speaks to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.cartdb.app import create_app
from services.cartdb.settings import Settings
from services.contracts.identity import Scope, guest_owner_id, owner_id_of
from tests.serving import serving
from tests.tokens import TestIssuer

ADDRESS = {
    "name": "Asha Rao",
    "line1": "1 Lake Road",
    "city": "Pune",
    "postal_code": "411001",
    "country": "IN",
}


def new_guest() -> str:
    """The owner id of a guest that nobody has seen."""
    return guest_owner_id(uuid4())


@dataclass
class CartDb:
    """A client with credentials for everyone."""

    http: httpx.AsyncClient
    issuer: TestIssuer

    def owner_of(self, subject: str) -> str:
        """The owner id of a user."""
        return owner_id_of(self.issuer.issuer, subject)

    def guest(self, owner: str) -> dict[str, str]:
        """The controller speaking for a guest."""
        return {**self.issuer.service(Scope.CART_GUEST), "Cart-Owner": owner}

    def checkout(self, owner: str) -> dict[str, str]:
        """The controller's checkout speaking for any owner."""
        return {**self.issuer.service(Scope.CART_CHECKOUT), "Cart-Owner": owner}

    async def add(self, headers: dict[str, str], sku: str = "apple", quantity: int = 1, cart: str = "current") -> Any:
        """Put something into a cart and answer the response."""
        body = {"sku": sku, "quantity": quantity, "product_id": 1, "unit_price": 4000}
        return await self.http.post(f"/carts/{cart}/items", json=body, headers=headers)

    async def cart(self, headers: dict[str, str], cart: str = "current") -> dict[str, Any]:
        """A cart as it is now."""
        answer = await self.http.get(f"/carts/{cart}", headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def mark(
        self, owner: str, cart: dict[str, Any], checkout_id: UUID, *, fingerprint: str = "f", version: int | None = None
    ) -> httpx.Response:
        """Ask cartdb to mark a cart purchased."""
        return await self.http.post(
            f"/carts/{cart['cart_id']}/purchase",
            json={
                "checkout_id": str(checkout_id),
                "version": cart["version"] if version is None else version,
                "fingerprint": fingerprint,
                "snapshot": snapshot_of(cart),
            },
            headers=self.checkout(owner),
        )

    async def step(self, owner: str, checkout_id: UUID, step: str, **body: Any) -> httpx.Response:
        """One of attach, settle, unpurchase, void."""
        return await self.http.post(f"/purchases/{checkout_id}/{step}", json=body, headers=self.checkout(owner))


def snapshot_of(cart: dict[str, Any]) -> dict[str, Any]:
    """What a quote of the cart would sell, at 40 rupees a piece."""
    lines = [
        {
            "sku": line["sku"],
            "product_id": line["product_id"],
            "variant_id": line["variant_id"],
            "title": line["sku"].title(),
            "variant": None,
            "quantity": line["quantity"],
            "unit_price": 4000,
            "line_total": 4000 * line["quantity"],
        }
        for line in cart["items"]
    ]
    return {
        "lines": lines,
        "amount": sum(line["line_total"] for line in lines),
        "currency": "INR",
        "shipping_address": ADDRESS,
        "billing_address": ADDRESS,
    }


@asynccontextmanager
async def running_cartdb(database_url: str, **settings: Any) -> AsyncIterator[CartDb]:
    """cartdb up, with a token issuer that it trusts."""
    issuer = TestIssuer()
    told = {"oidc_privileged_subjects": "*", "log_level": "error", **settings}
    app = create_app(
        Settings(database_url=database_url, oidc_issuer=issuer.issuer, **told), idp_transport=issuer.transport
    )
    async with serving(app) as http:
        yield CartDb(http, issuer)
