#!/usr/bin/env python3
"""Randomised shoppers against a running shop: `make run`, then `./demo.py` beside it.

The same accounts come back on every run. They find the carts they left, pay for some, fill new ones, leave some. Then
everything is read back: carts, orders and payments must be as the shoppers were told, or the differences are printed
and the exit status is 1. One demo at a time: two would change each other's carts.
"""

import argparse
import asyncio
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit
from uuid import UUID, uuid4

HERE = Path(__file__).resolve().parent

try:
    import httpx
    from pydantic import BaseModel
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from services.contracts.carts import Receipt
    from services.contracts.catalog import ProductPage
    from services.contracts.money import Money
    from services.contracts.payments import IntentStatus, PaymentIntent
    from services.contracts.shop import Order, Orders, SessionView, ShopCart, ShopCarts
    from services.local.settings import read_env
    from services.local.token import SignInError, access_token
except ImportError as missing:
    installed = HERE / ".venv" / "bin" / "python"
    if __name__ == "__main__" and installed.exists() and Path(sys.prefix).resolve() != installed.parents[1]:
        os.execv(installed, [str(installed), *sys.argv])  # noqa: S606 - what `make run` has installed
    sys.exit(f"demo.py: the package {missing.name} is missing: run make run first")

AT_ONCE = 6
ANSWER_SECONDS, REPEAT_SECONDS, DECIDED_SECONDS = 20.0, 30.0, 60.0
CLOCKS_DIFFER_SECONDS = 300.0
GOOD_CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_mastercard")
DECLINES = ("", "InsufficientFunds", "ExpiredCard", "IncorrectCvc")
BAD_CARDS = (*(f"pm_card_chargeDeclined{why}" for why in DECLINES), "pm_card_authenticationRequired")
PASSWORD = "{}-demo-password"  # noqa: S105 - public, like the demo shoppers' own
ADDRESS = {"name": "A. Shopper", "line1": "1 FC Road", "city": "Pune", "postal_code": "411001", "country": "IN"}
CART_NAMES = ("Weekend", "Groceries", "Birthday", "For the office", "Later", "Gifts")
ROWS = (
    "signed up", "signed in", "guest carts adopted", "carts found", "carts created", "cart updates", "items added",
    "checked out", "declined", "out of stock", "processing", "never answered", "carts deleted", "left unpurchased",
)  # fmt: skip

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Lines = dict[str, int]
Fact = tuple[str, object, Sequence[object]]
console = Console(highlight=False, soft_wrap=True)


class Trouble(Exception):  # noqa: N818 - it is told to the person who runs the demo
    """What must not happen, in one line."""


class Refusal(Trouble):
    """A no of the shop's: its slug, and the members of the problem."""

    def __init__(self, what: str, answer: httpx.Response) -> None:
        told = "problem+json" in answer.headers.get("content-type", "")
        self.problem: dict[str, Any] = answer.json() if told else {}
        self.slug = str(self.problem.get("type", "")).rpartition("#")[2]
        super().__init__(f"{what} was answered with {answer.status_code} {self.problem.get('detail', '')}".rstrip())


@dataclass
class Book:
    """What a cart must be by the answers its shopper got. A change that nobody answered leaves two answers good."""

    cart_id: UUID
    lines: list[Lines]
    fates: set[str] = field(default_factory=lambda: {"open"})
    order: Order | None = None
    refused: list[UUID] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether it is open for certain."""
        return self.fates == {"open"}

    def set(self, sku: str, quantity: Callable[[int], int], *, answered: bool) -> None:
        """Write down a change of one line."""
        after = [{**lines, sku: quantity(lines.get(sku, 0))} for lines in self.lines]
        after = [{sku: count for sku, count in lines.items() if count} for lines in after]
        self.lines = after if answered else [*self.lines, *after]

    def end(self, fate: str, *, answered: bool) -> None:
        """Write down how the cart ended."""
        self.fates = {fate} if answered else {"open", fate}


def lines_of(what: ShopCart | Order) -> Lines:
    return {line.sku: line.quantity for line in what.items}


def differences(facts: Iterable[Fact]) -> list[str]:
    """What is there and not as it must be."""
    wrong = ((what, found, good) for what, found, good in facts if found not in good)
    return [f"{what} is {found}, and must be {' or '.join(map(str, good))}" for what, found, good in wrong]


def facts_of_adoption(guest: Book, receipt: Receipt, cart: ShopCart) -> Iterator[Fact]:
    """The guest's lines are in the user's cart, each added to what was there."""
    taken = {line.sku: line.guest_quantity for line in receipt.lines if line.guest_quantity}
    yield "what a guest took along", taken, guest.lines
    for line in receipt.lines:
        due = line.guest_quantity + line.user_quantity
        yield f"{line.sku} in the adopting cart {cart.cart_id}", lines_of(cart).get(line.sku), [due]


def facts_of_cart(book: Book, cart: ShopCart | None, orders: Iterable[Order]) -> Iterator[Fact]:
    """A cart holds what was answered. A purchased one has one paid order, as it was told; another has none."""
    status = "deleted" if cart is None else cart.status
    yield f"cart {book.cart_id}", status, sorted(book.fates)
    held = book.lines if cart is None else [lines_of(cart)]
    yield f"the content of cart {book.cart_id}", held[0], book.lines
    paid = [order for order in orders if order.cart_id == book.cart_id and order.status == "paid"]
    yield f"the number of paid orders of cart {book.cart_id}", len(paid), [int(status == "purchased")]
    for order in paid:
        total = sum(line.unit_price * line.quantity for line in order.items)
        yield f"the total of order {order.order_id}", order.total, [total]
        yield f"the content of order {order.order_id}", lines_of(order), held
        for name in ("order_id", "total", "currency", "items", "email", "shipping_address"):
            yield f"{name} of order {order.order_id}", getattr(order, name), [getattr(book.order or order, name)]


def facts_of_listing(carts: Mapping[UUID, ShopCart | None], listed: Iterable[ShopCart]) -> Iterator[Fact]:
    """The list of unpurchased carts has every open one once, and no other that holds anything."""
    times = Counter(cart.cart_id for cart in listed if cart.cart_id in carts or cart.items)
    for cart_id in {*carts, *times}:
        cart = carts.get(cart_id)
        wanted = int(cart is not None and cart.status == "open")
        yield f"the number of unpurchased carts with id {cart_id}", times[cart_id], [wanted]


def facts_of_payments(paid: Iterable[Order], refused: Iterable[UUID], made: Iterable[PaymentIntent]) -> Iterator[Fact]:
    """One succeeded payment of the exact amount for each paid order, none for the checkouts that were refused."""
    charged: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for intent in made:
        if intent.status is IntentStatus.SUCCEEDED:
            charge = (intent.amount, intent.amount_received, intent.currency.upper())
            charged[intent.metadata.get("checkout_id", "")].append(charge)
    for order in paid:
        due = (order.total, order.total, order.currency)
        yield f"the charges of order {order.order_id}", charged[str(order.order_id)], [[due]]
    for checkout_id in refused:
        yield f"the charges of refused checkout {checkout_id}", charged[str(checkout_id)], [[]]


def address_in(shown: httpx.Response, pattern: str) -> str | None:
    """An address that a page names."""
    found = re.search(pattern, shown.text)
    return urljoin(str(shown.url), unescape(found[1])) if found else None


async def send_form(browser: httpx.AsyncClient, shown: httpx.Response, name: str) -> httpx.Response:
    address = address_in(shown, r'<form method="post" action="([^"]+)"')
    if address is None:
        raise Trouble(f"the provider shows {name} no form, but answers {shown.status_code}")
    return await browser.post(address, data={"username": name, "password": PASSWORD.format(name)})


async def pass_provider(browser: httpx.AsyncClient, shown: httpx.Response, name: str) -> tuple[str, bool]:
    """Sign up on the provider's page, or sign in if the name is taken. Where that leads back to; whether it is new.

    A sign-in that fails would count against everybody at this address, and a crowd of them would be kept out.
    """
    answer = shown
    if sign_up := address_in(shown, r'href="([^"]*/sign-up[^"]*)"'):
        answer = await send_form(browser, await browser.get(sign_up), name)
    if new := answer.is_redirect:
        return answer.headers["location"], new
    answer = await send_form(browser, shown, name)
    if not answer.is_redirect:
        raise Trouble(f"the provider does not let {name} in, but answers {answer.status_code}")
    return answer.headers["location"], new


class Door:
    """A shopper's way into the shop, by cookie or by token. What is not answered is sent again under the same key."""

    def __init__(self, url: str, idp_url: str, tally: Counter[str]) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=ANSWER_SECONDS)
        self._idp_url = idp_url
        self._tally = tally

    async def sign_in_by_token(self, name: str) -> None:
        """Come with a bearer token; a new account, which could have none yet, stays with its cookie."""
        if await self.sign_in_by_cookie(name):
            return
        self.http.cookies.clear()
        try:
            with httpx.Client(base_url=self._idp_url, timeout=ANSWER_SECONDS) as cli:
                account = {"user": name, "password": PASSWORD.format(name)}
                token = await asyncio.to_thread(access_token, cli, **account, scope="openid profile")
        except SignInError as refusal:
            raise Trouble(f"{name} gets no token: {refusal}") from None
        self.http.headers["Authorization"] = f"Bearer {token}"

    async def sign_in_by_cookie(self, name: str) -> bool:
        """Follow the shop's redirects to the provider and back. Whether the account is new."""
        shown = await self.http.get("/login", params={"next": "/session"}, follow_redirects=True)
        back, new = await pass_provider(self.http, shown, name)
        answer = await self.http.get(back, follow_redirects=True)
        if not (answer.is_success and SessionView.model_validate_json(answer.content).signed_in):
            raise Trouble(f"the shop does not let {name} in, but answers {answer.status_code}")
        self._tally["signed up" if new else "signed in"] += 1
        return new

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response | None:
        """A good answer; None if none came for long, so that nobody knows.

        Raises:
            Refusal: it was a no.
        """
        headers = {} if method == "GET" else {"Idempotency-Key": key or str(uuid4())}
        deadline = time.monotonic() + REPEAT_SECONDS
        while time.monotonic() < deadline:
            pause = 1.0
            try:
                answer = await self.http.request(method, path, json=body, headers=headers)
                if answer.is_success:
                    return answer
                refusal = Refusal(f"{method} {path}", answer)
                if answer.status_code not in (429, 503) and refusal.slug != "request_in_progress":
                    raise refusal
                pause = float(answer.headers.get("retry-after", pause))
            except httpx.TransportError:
                pass
            await asyncio.sleep(pause)
        self._tally["never answered"] += 1
        return None

    async def read(self, path: str, model: type[M]) -> M:
        """What is there."""
        answer = await self.ask("GET", path)
        if answer is None:
            raise Trouble(f"GET {path} was not answered for {REPEAT_SECONDS:.0f} s")
        return model.model_validate_json(answer.content)

    async def find(self, path: str, model: type[M]) -> M | None:
        """What is there, if anything is."""
        try:
            return await self.read(path, model)
        except Refusal as refusal:
            if refusal.problem.get("status") == httpx.codes.NOT_FOUND:
                return None
            raise


async def until(look: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
    """Look again until it is good, or was not for long; what was seen last."""
    deadline = time.monotonic() + DECIDED_SECONDS
    while not good(seen := await look()) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process does it
        await asyncio.sleep(1.0)
    return seen


class Thing(NamedTuple):
    """Something that can be put into a cart."""

    sku: str
    product_id: int
    variant_id: int | None


@dataclass
class Shopper:
    """One of the accounts: its dice, what it was told, and what turned out to differ."""

    name: str
    dice: Random
    door: Door
    goods: Sequence[Thing]
    tally: Counter[str]
    books: dict[UUID, Book] = field(default_factory=dict)
    paid: list[Order] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    gave_up: bool = False

    async def visit(self) -> None:
        """Come in, see to the carts of earlier visits, fill new ones."""
        await self._arrive()
        for book in await self._find_carts():
            roll = self.dice.random()
            if roll < 0.7:
                await self._edit(book)
            if roll < 0.45:
                await self._check_out(book)
        for _ in range(self.dice.randint(1, 3)):
            await self._fill_new_cart()

    async def _arrive(self) -> None:
        way = self.dice.choice(("token", "cookie", "guest"))
        if way == "token":
            await self.door.sign_in_by_token(self.name)
            return
        guest = Book(UUID(int=0), [{}])
        if way == "guest":
            await self.door.read("/cart", ShopCart)  # The cookie must be there before several adds at once.
            await self._add_some(guest, "/cart")
        await self.door.sign_in_by_cookie(self.name)
        if way == "guest":
            await self._see_adoption(guest)

    async def _see_adoption(self, guest: Book) -> None:
        session = await until(lambda: self.door.read("/session", SessionView), lambda seen: seen.merge_id is not None)
        look = partial(self.door.find, f"/merges/{session.merge_id}", Receipt)
        receipt = await until(look, lambda seen: seen is not None)
        if receipt is None:
            raise Trouble(f"a guest's cart with {guest.lines} was not adopted")
        cart = await self.door.read(f"/carts/{receipt.cart_id}", ShopCart)
        self.differences += differences(facts_of_adoption(guest, receipt, cart))
        self.tally["guest carts adopted"] += 1

    async def _unpurchased(self) -> list[ShopCart]:
        return (await self.door.read("/carts", ShopCarts)).carts

    async def _find_carts(self) -> list[Book]:
        """The carts of earlier visits. One that is being paid for is waited for, and left alone if that takes long."""
        self.tally["processing"] += sum(cart.status != "open" for cart in await self._unpurchased())
        carts = await until(self._unpurchased, lambda carts: all(cart.status == "open" for cart in carts))
        for cart in carts:
            fates = {"open"} if cart.status == "open" else {"open", "purchased"}
            self.books[cart.cart_id] = Book(cart.cart_id, [lines_of(cart)], fates)
        self.tally["carts found"] += sum(bool(cart.items) for cart in carts)
        return [self.books[cart.cart_id] for cart in carts if cart.items and cart.status == "open"]

    async def _fill_new_cart(self) -> None:
        book = await self._new_cart()
        if book is None:
            return
        await self._add_some(book, self.dice.choice(("/cart", f"/carts/{book.cart_id}")))
        for _ in range(self.dice.randint(0, 3)):
            await self._edit(book)
        if self.dice.random() < 0.5:
            await self._check_out(book)

    async def _new_cart(self) -> Book | None:
        """An empty, current cart: the one that is there, or a new one, if there is room for it."""
        cart = await self.door.read("/cart", ShopCart)
        if cart.items or self.dice.random() < 0.6:
            try:
                answer = await self.door.ask("POST", "/carts", {"name": self.dice.choice(CART_NAMES)})
            except Refusal as refusal:
                if refusal.slug != "cart_limit_exceeded":
                    raise
                await self._make_room()
                return None
            if answer is None:
                return None
            self.tally["carts created"] += 1
            cart = ShopCart.model_validate_json(answer.content)
        return self.books.setdefault(cart.cart_id, Book(cart.cart_id, [{}]))

    async def _make_room(self) -> None:
        """Check out or delete the emptiest cart; not the current one, which another would follow at once."""
        carts = [cart for cart in await self._unpurchased() if cart.status == "open" and not cart.current]
        if not carts:
            return
        cart = min(carts, key=lambda cart: cart.items_count)
        book = self.books.setdefault(cart.cart_id, Book(cart.cart_id, [{}]))
        if cart.items and self.dice.random() < 0.5:
            await self._check_out(book)
        if book.open:
            answer = await self.door.ask("DELETE", f"/carts/{cart.cart_id}")
            book.end("deleted", answered=answer is not None)
            self.tally["carts deleted"] += 1

    async def _add_some(self, book: Book, path: str) -> None:
        things = self.dice.sample(self.goods, min(self.dice.randint(1, 4), len(self.goods)))
        await asyncio.gather(*(self._add(book, thing, path) for thing in things))

    async def _add(self, book: Book, thing: Thing, path: str) -> None:
        what = {"sku": thing.sku}, {"product_id": thing.product_id, "variant_id": thing.variant_id}
        more = self.dice.randint(1, 4)
        answer = await self.door.ask("POST", f"{path}/items", {**self.dice.choice(what), "quantity": more})
        book.set(thing.sku, lambda quantity: quantity + more, answered=answer is not None)
        self.tally["cart updates"] += 1
        self.tally["items added"] += more

    async def _set(self, book: Book, sku: str, quantity: int) -> None:
        method, body = ("PUT", {"quantity": quantity}) if quantity else ("DELETE", None)
        answer = await self.door.ask(method, f"/carts/{book.cart_id}/items/{sku}", body)
        book.set(sku, lambda _: quantity, answered=answer is not None)
        self.tally["cart updates"] += 1

    async def _edit(self, book: Book) -> None:
        """One change: more of something, another number of it, none of it, or another name."""
        what = self.dice.choice(("add", "add", "set", "remove", "name"))
        skus = sorted(book.lines[0])
        if what == "name":
            await self.door.ask("PATCH", f"/carts/{book.cart_id}", {"name": self.dice.choice(CART_NAMES)})
            self.tally["cart updates"] += 1
        elif what == "add" or not skus:
            await self._add(book, self.dice.choice(self.goods), f"/carts/{book.cart_id}")
        else:
            await self._set(book, self.dice.choice(skus), 0 if what == "remove" else self.dice.randint(1, 5))

    async def _check_out(self, book: Book) -> None:
        """Pay, now and then with a card that is declined; most take another card then."""
        if self.dice.random() < 0.25:
            await self._pay(book, self.dice.choice(BAD_CARDS))
            if self.dice.random() < 0.25:
                return
        await self._pay(book, self.dice.choice(GOOD_CARDS))

    async def _pay(self, book: Book, card: str) -> None:
        path, key = f"/carts/{book.cart_id}", str(uuid4())
        cart = await self.door.read(path, ShopCart)
        if not (cart.items and book.open):
            return
        mine = {"email": f"{self.name}@example.com", "shipping_address": ADDRESS, "payment_method": card}
        form = {**mine, "currency": cart.currency, "expected_total": cart.total_price}
        try:
            await self._see_through(book, await self.door.ask("POST", f"{path}/checkout", form, key=key))
        except Refusal as refusal:
            if refusal.slug == "payment_declined":
                await self._see_declined_again(book, form, key)
            elif refusal.slug == "out_of_stock":
                self.tally["out of stock"] += 1
                for item in refusal.problem["items"]:
                    await self._set(book, item["sku"], item["available"])
                await self._pay(book, card)
            elif refusal.slug != "checkout_changed":  # A price has just changed: the shopper leaves the cart for now.
                raise

    async def _see_through(self, book: Book, answer: httpx.Response | None) -> None:
        if answer is None:
            book.end("purchased", answered=False)
            return
        order = Order.model_validate_json(answer.content)
        if order.status == "processing":
            self.tally["processing"] += 1
            path = f"/orders/{order.order_id}"
            order = await until(lambda: self.door.read(path, Order), lambda order: order.status != "processing")
        if order.status == "refused":
            self.tally["declined"] += 1
            book.refused.append(order.order_id)
        else:
            self.tally["checked out"] += order.status == "paid"
            book.order = order if order.status == "paid" else None
            book.end("purchased", answered=order.status == "paid")

    async def _see_declined_again(self, book: Book, form: dict[str, Any], key: str) -> None:
        """A no is final for its key: asked again it says no again, and of which checkout."""
        self.tally["declined"] += 1
        try:
            answer = await self.door.ask("POST", f"/carts/{book.cart_id}/checkout", form, key=key)
        except Refusal as again:
            if again.slug != "payment_declined":
                raise
            book.refused.append(UUID(again.problem["order_id"]))
        else:
            self.differences += (
                [f"cart {book.cart_id}: what was declined is accepted when asked again"] if answer else []
            )

    async def read_back(self) -> None:
        """Compare what is there with what was told."""
        settled: dict[UUID, ShopCart | None] = {}
        for cart_id in self.books:
            look = partial(self.door.find, f"/carts/{cart_id}", ShopCart)
            settled[cart_id] = await until(look, lambda cart: cart is None or cart.status != "in_checkout")
        listed = await self._unpurchased()
        orders = (await self.door.read("/orders?status=paid", Orders)).orders
        facts = (facts_of_cart(book, settled[book.cart_id], orders) for book in self.books.values())
        self.differences += differences([*chain(*facts), *facts_of_listing(settled, listed)])
        self.paid = [order for order in orders if order.cart_id in self.books and order.status == "paid"]
        self.tally["left unpurchased"] += sum(bool(cart.items) for cart in listed)


async def read_intents(url: str, key: str, since: float) -> list[PaymentIntent] | None:
    """The payments from then on, page by page, the newest first; None if the key is another shop's."""
    page: dict[str, Any] = {"data": [], "has_more": True}
    intents: list[PaymentIntent] = []
    async with httpx.AsyncClient(base_url=url, timeout=ANSWER_SECONDS, auth=(key, "")) as payments:
        while page["has_more"] and all(intent["created"] > since - CLOCKS_DIFFER_SECONDS for intent in page["data"]):
            after = {"starting_after": intents[-1].id} if intents else {}
            answer = await payments.get("/v1/payment_intents", params={"limit": 100, **after})
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                return None
            page = answer.raise_for_status().json()
            intents += [PaymentIntent.model_validate(intent) for intent in page["data"]]
    return intents


async def things_for_sale(shop: httpx.AsyncClient) -> list[Thing]:
    answer = await shop.get("/products", params={"limit": 200})
    products = ProductPage.model_validate_json(answer.raise_for_status().content).products
    things: list[Thing] = []
    for product in products:
        things += [Thing(one.sku, product.product_id, one.variant_id) for one in product.variants if one.stock]
        things += [Thing(product.sku, product.product_id, None)] if product.stock and not product.variants else []
    if not things:
        raise Trouble(
            "the shop is sold out: python -m services.local.goods services/catalog/goods.csv --set-stock fills it"
        )
    return things


async def provider_of(shop: httpx.AsyncClient) -> str:
    """The identity provider to which the shop sends those who want to sign in."""
    answer = await shop.get("/login")
    if not answer.is_redirect:
        raise Refusal("GET /login", answer)
    there = urlsplit(answer.headers["location"])
    return f"{there.scheme}://{there.netloc}"


async def for_each(shoppers: Sequence[Shopper], what: str, do: Callable[[Shopper], Coroutine[Any, Any, None]]) -> None:
    """Have all shoppers do it, a few at a time. One in trouble does not stop the others."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def turn(shopper: Shopper) -> None:
        async with turns:
            try:
                await do(shopper)
            except (Trouble, httpx.HTTPError, ValueError) as trouble:
                shopper.gave_up = True
                shopper.differences.append(f"gave up {what}: {str(trouble) or repr(trouble)}")
        progress.advance(task)

    with Progress(console=console) as progress:
        task = progress.add_task(what, total=len(shoppers))
        await asyncio.gather(*(turn(shopper) for shopper in shoppers))


async def compare_payments(arguments: argparse.Namespace, shoppers: Sequence[Shopper], since: float) -> list[str]:
    there = urlsplit(arguments.url)
    url = arguments.payments_url or f"{there.scheme}://{there.hostname}:{(there.port or 8000) + 4}"
    kept = read_env(HERE / ".env") if (HERE / ".env").exists() else {}
    key = os.environ.get("PAYMENTS_SECRET_KEY") or kept.get("PAYMENTS_SECRET_KEY")
    try:
        intents = await read_intents(url, key, since) if key else None
    except httpx.HTTPError as failure:
        return [f"payments at {url} cannot be read: {failure!r}"]
    if intents is None:
        why = "is not the one known here" if key else "is not known here"
        console.print(f"not compared with payments: their secret key {why} (PAYMENTS_SECRET_KEY)", style="yellow")
        return []
    paid = [order for shopper in shoppers for order in shopper.paid]
    refused = [order_id for shopper in shoppers for book in shopper.books.values() for order_id in book.refused]
    console.print(f"compared with payments: {len(paid)} paid orders, {len(refused)} refused checkouts")
    return differences(facts_of_payments(paid, refused, intents))


def table(tally: Counter[str], orders: Sequence[Order]) -> Table:
    """What was done, in numbers."""
    shown = Table("what", title="the shoppers", title_justify="left")
    shown.add_column("", justify="right")
    for row in ROWS:
        shown.add_row(row, str(tally[row]))
    for currency in sorted({order.currency for order in orders}):
        revenue = sum(order.total for order in orders if order.currency == currency)
        shown.add_row("revenue", str(Money(revenue, currency)))
    return shown


async def demonstrate(arguments: argparse.Namespace, seed: int) -> list[str]:
    """Shop, read everything back, and answer the differences."""
    since, tally = time.time(), Counter[str]()
    async with httpx.AsyncClient(base_url=arguments.url, timeout=ANSWER_SECONDS) as shop:
        goods, idp_url = await things_for_sale(shop), arguments.idp_url or await provider_of(shop)
    names = [f"shopper-{number:02}" for number in range(1, arguments.shoppers + 1)]
    shoppers = [
        Shopper(name, Random(f"{seed}:{name}"), Door(arguments.url, idp_url, tally), goods, tally) for name in names
    ]
    await for_each(shoppers, "shopping", Shopper.visit)
    await for_each([shopper for shopper in shoppers if not shopper.gave_up], "checking", Shopper.read_back)
    for shopper in shoppers:
        await shopper.door.http.aclose()
    differences = await compare_payments(arguments, shoppers, since)
    console.print(table(tally, [order for shopper in shoppers for order in shopper.paid]))
    return [*(f"{shopper.name}: {what}" for shopper in shoppers for what in shopper.differences), *differences]


def main(given: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 if everything agrees."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--seed", type=int, help="the same seed rolls the same dice; printed at every run")
    parser.add_argument("--shoppers", type=int, default=12, help="how many accounts shop (%(default)s)")
    parser.add_argument("--url", default="http://localhost:8000", help="the shop (%(default)s)")
    parser.add_argument("--idp-url", help="the identity provider, if not the one that the shop leads to")
    parser.add_argument("--payments-url", help="payments, if not four ports above the shop")
    arguments = parser.parse_args(given)
    seed = Random().randrange(1_000_000) if arguments.seed is None else arguments.seed
    console.print(f"{arguments.shoppers} shoppers at {arguments.url}, --seed {seed}")
    try:
        differences = asyncio.run(demonstrate(arguments, seed))
    except Trouble as trouble:
        console.print(f"demo.py: {trouble}", markup=False)
        return 1
    except httpx.HTTPError as failure:
        console.print(f"demo.py: no shop answers at {arguments.url} ({failure!r}): run make run first")
        return 1
    for difference in differences:
        console.print(f"differs: {difference}", style="red", markup=False)
    if not differences:
        console.print("everything compared agrees", style="green")
    return bool(differences)


if __name__ == "__main__":
    sys.exit(main())
