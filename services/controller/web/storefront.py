"""What each page shows, gathered for one shopper."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, cast
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse

from services.contracts.carts import CartStatus, Receipt, ReceiptLine
from services.contracts.catalog import Gone, Item, Product
from services.contracts.money import Money
from services.contracts.problems import (
    CartAlreadyPurchased,
    CartInCheckout,
    CartIsEmpty,
    MergeNotFound,
    Problem,
    Unavailable,
)
from services.contracts.refunds import RefundState
from services.contracts.shop import OpenMerge, Order, ShopCart

from ..adoption import Adoption
from ..desk import Desk
from ..doorkeeper import Doorkeeper, Shopper, Visitor
from ..orders import Orders
from ..settings import Settings
from ..shopping import Shopping
from . import wording
from .cards import TEST_CARDS
from .countries import COUNTRIES
from .forms import CheckoutDraft, RefundDraft
from .layout import APART_MARK, SIGNED_IN_MARK, Frame, login_url, page

PAGE_SIZE = 24
RECEIPT_SHOWN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Moved:
    """The receipt of an adoption with the goods' names."""

    receipt: Receipt
    titles: dict[str, str]
    fresh: bool


@dataclass(frozen=True, slots=True)
class Undecided:
    """What each way of joining two carts would do, with the goods' names."""

    choice: OpenMerge
    titles: dict[str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """A product on the shelf, and how many of it are in the cart."""

    product: Product
    in_cart: int

    @property
    def stock(self) -> int:
        """Of all variants together."""
        return sum(variant.stock for variant in self.product.variants) or self.product.stock

    @property
    def prices_differ(self) -> bool:
        """Whether the price depends on the variant."""
        return len({variant.additional_price for variant in self.product.variants}) > 1

    @property
    def lowest_price(self) -> int:
        """The price of the cheapest variant."""
        return self.product.price + min((variant.additional_price for variant in self.product.variants), default=0)


@dataclass(frozen=True, slots=True)
class Storefront:
    """The shop as one request's shopper sees it."""

    request: Request
    shopper: Shopper
    shopping: Shopping
    bought: Orders
    desk: Desk
    adoption: Adoption

    def _page(
        self,
        template: str,
        mine: ShopCart | None,
        *,
        search: str = "",
        place: str = "",
        status: int = 200,
        **context: object,
    ) -> HTMLResponse:
        frame = Frame(shopper=self.shopper, cart=mine, search=search, place=place)
        return page(self.request, template, frame, status=status, **context)

    async def _cart_if_it_answers(self) -> ShopCart | None:
        try:
            return await self.shopping.cart(self.shopper)
        except Unavailable:
            return None

    def _offer(self, product: Product, cart: ShopCart | None) -> Offer:
        lines = cart.items if cart else []
        return Offer(product, sum(line.quantity for line in lines if line.product_id == product.product_id))

    async def goods(self, *, search: str, category: str, cursor: str) -> HTMLResponse:
        """The shelf."""
        found, categories, cart = await asyncio.gather(
            self.shopping.products(
                search=search or None, category=category or None, cursor=cursor or None, limit=PAGE_SIZE
            ),
            self.shopping.categories(),
            self._cart_if_it_answers(),
        )
        filters = {name: text for name, text in (("search", search), ("category", category)) if text}
        following = urlencode({**filters, "cursor": found.next_cursor}) if found.next_cursor else None
        return self._page(
            "goods.html",
            cart,
            search=search,
            place="goods",
            offers=[self._offer(product, cart) for product in found.products],
            categories=categories,
            category=category,
            following=following,
            beginning=urlencode(filters) if cursor else None,
            back=str(self.request.url.path) + (f"?{self.request.url.query}" if self.request.url.query else ""),
            added=self.request.query_params.get("added", ""),
        )

    async def product(
        self, sku: str, *, status: int = 200, message: str | None = None, quantity: str = "1"
    ) -> HTMLResponse:
        """One product, and what was wrong with the last try to add it."""
        product, cart = await asyncio.gather(self.shopping.product(sku), self._cart_if_it_answers())
        return self._page(
            "product.html",
            cart,
            status=status,
            offer=self._offer(product, cart),
            chosen=sku,
            quantity=quantity,
            message=message,
            added=self.request.query_params.get("added", ""),
        )

    async def cart(self, *, status: int = 200, message: str | None = None, wrong_sku: str = "") -> HTMLResponse:
        """The current cart, the others, and what was wrong with the last try to change a line."""
        cart, carts, moved, removed, undecided = await asyncio.gather(
            self.shopping.cart(self.shopper),
            self.shopping.carts(self.shopper),
            self._moved(),
            self._removed(),
            self._undecided(),
        )
        return self._page(
            "cart.html",
            cart,
            status=status,
            place="cart",
            cart=cart,
            payments=await self._payments_of([cart, *carts]),
            others=[other for other in carts if other.cart_id != cart.cart_id],
            moved=moved,
            undecided=undecided,
            apart=APART_MARK in self.request.query_params,
            removed=removed,
            removed_quantity=self.request.query_params.get("quantity", "1"),
            message=message,
            wrong_sku=wrong_sku,
        )

    async def checkout(
        self, *, cart_id: UUID | None = None, draft: CheckoutDraft | None = None, status: int = 200
    ) -> HTMLResponse:
        """The cart about to be paid for.

        Raises:
            CartInCheckout, CartAlreadyPurchased, CartIsEmpty: there is nothing to pay for.
        """
        cart, moved = await asyncio.gather(self.shopping.cart(self.shopper, cart_id), self._moved())
        match cart.status:
            case CartStatus.IN_CHECKOUT:
                raise CartInCheckout(cart_id=str(cart.cart_id))
            case CartStatus.PURCHASED:
                raise CartAlreadyPurchased(cart_id=str(cart.cart_id))
            case _ if not cart.items:
                raise CartIsEmpty
        settings = cast(Settings, self.request.state.settings)
        return self._page(
            "checkout.html",
            cart,
            status=status,
            cart=cart,
            moved=moved,
            draft=draft or CheckoutDraft(),
            countries=COUNTRIES,
            test_cards=TEST_CARDS,
            sign_in=login_url("/shop/checkout"),
            card_exchange=f"{settings.payments_browser_url.rstrip('/')}/v1/payment_methods",
            publishable_key=settings.payments_publishable_key,
        )

    async def orders(
        self, *, before: datetime | None = None, sought: str | None = None, status: int = 200
    ) -> HTMLResponse:
        """What was bought, what is being, and what came to nothing; `sought` is no order's number."""
        bought, operator, cart = await asyncio.gather(
            self.bought.page(self.shopper, before=before), self._is_operator(), self._cart_if_it_answers()
        )
        return self._page(
            "orders.html",
            cart,
            status=status,
            operator=operator,
            sought=sought,
            place="orders",
            orders=bought.orders,
            older=urlencode({"before": bought.next_before.isoformat()}) if bought.next_before else None,
        )

    async def order(self, order_id: UUID, *, draft: RefundDraft | None = None, status: int = 200) -> HTMLResponse:
        """One order: its receipt, and how it came about; for an operator, a way to give its money back."""
        operator = await self._is_operator()
        read = self.desk.one(order_id) if operator else self.bought.one(self.shopper, order_id)
        order, cart = await asyncio.gather(read, self._cart_if_it_answers())
        mine = order.owner_id in (None, self.shopper.owner_id)
        return self._page(
            "order.html",
            cart,
            status=status,
            place="orders",
            order=order,
            yours=mine,
            call_off=self.request.query_params.get("call_off", ""),
            given=next((one for one in order.refunds if str(one.refund_id) == self._given()), None),
            titles={line.sku: line.title for line in order.items},
            thanks=mine and not order.refunds and _just_now(order),
            why=wording.not_paid(order.reason),
            refund=(draft or RefundDraft()) if operator else None,
            left=left_of(order),
            reasons=wording.REFUND_REASONS,
        )

    async def refund(self, order: Order, amount: int, draft: RefundDraft, *, status: int = 200) -> HTMLResponse:
        """What is about to be given back, to be confirmed."""
        return self._page(
            "refund.html",
            await self._cart_if_it_answers(),
            status=status,
            place="orders",
            order=order,
            amount=amount,
            typed=f"{Money(amount, order.currency).major:f}",
            draft=draft,
            reason=wording.REFUND_REASONS.get(draft.reason, ""),
            left_after=max(0, left_of(order) - amount),
        )

    def _given(self) -> str:
        return self.request.query_params.get("refund", "")

    async def _is_operator(self) -> bool:
        return await cast(Doorkeeper, self.request.state.doorkeeper).is_operator(self.shopper)

    async def _payments_of(self, carts: Iterable[ShopCart]) -> dict[UUID, UUID]:
        """The orders that carts are being paid for by."""
        if not any(cart.status == CartStatus.IN_CHECKOUT for cart in carts):
            return {}
        page = await self.bought.page(self.shopper, status="processing")
        return {order.cart_id: order.order_id for order in page.orders}

    async def _moved(self) -> Moved | None:
        merge_id = self._just_merged() or self.shopper.merge_id
        if merge_id is None:
            return None
        try:
            receipt = await self.shopping.receipt(self.shopper, merge_id)
        except (MergeNotFound, Unavailable):
            return None
        if receipt.undone_at or datetime.now(UTC) - receipt.applied_at > RECEIPT_SHOWN:
            return None
        titles = await self._titles(receipt.lines)
        return Moved(receipt, titles, fresh=SIGNED_IN_MARK in self.request.query_params)

    def _just_merged(self) -> UUID | None:
        try:
            return UUID(self.request.query_params.get(SIGNED_IN_MARK, ""))
        except ValueError:
            return None

    async def _undecided(self) -> Undecided | None:
        try:
            choice = await self.adoption.preview(self.shopper.authority, self.shopper.session, None)
        except Problem:
            return None
        return Undecided(choice, await self._titles(choice.previews[0].lines))

    async def _titles(self, lines: Iterable[ReceiptLine]) -> dict[str, str]:
        goods = await self.shopping.shelf.known(line.sku for line in lines)
        return {sku: named(what) for sku, what in goods.items()}

    async def _removed(self) -> Item | None:
        sku = self.request.query_params.get("removed")
        return (await self.shopping.shelf.items([sku])).get(sku) if sku else None


def left_of(order: Order) -> int:
    """How much of an order has not gone back and is not on its way, in minor units."""
    return order.total - sum(one.amount for one in order.refunds if one.status is not RefundState.FAILED)


def named(what: Item | Gone) -> str:
    """An item's title with its variant's."""
    return f"{what.title}, {what.variant}" if what.variant else what.title


def _just_now(order: Order) -> bool:
    return datetime.now(UTC) - order.created_at < RECEIPT_SHOWN


async def storefront(request: Request, shopper: Visitor) -> Storefront:
    return Storefront(
        request,
        shopper,
        cast(Shopping, request.state.shopping),
        cast(Orders, request.state.orders),
        cast(Desk, request.state.desk),
        cast(Adoption, request.state.adoption),
    )


Here = Annotated[Storefront, Depends(storefront)]
