"""A small shop in four databases whose books agree, and copies of it in which something is made wrong."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import asyncpg

from services.chassis.migrate import migrate
from services.local.postgres import Server
from services.verify.check import Databases as Books
from tests.conftest import Databases

PASSWORD = "verifier-of-tests"
READ = ("catalog", "cartdb", "payments", "controller")

USER, OTHER, THIRD, FOURTH = (f"user:{letter * 8}" for letter in "abcd")
GUEST = "guest:00000000-0000-4000-8000-00000000000a"


def uid(number: int) -> str:
    """An id that is easy to recognise."""
    return f"00000000-0000-7000-8000-{number:012d}"


# A checkout, its cart and its intent carry one number.
REFUNDED, DECLINED, VOIDED, PAID = 1, 2, 3, 4
USERS_NEXT_CART, GUESTS_CART, FOURTHS_NEXT_CART = 11, 12, 14
REFUND, REFUSED_REFUND = 21, 22
MERGE = 31
ADDRESS = "12 Lake Road"


def snapshot(amount: int, *lines: tuple[str, int, int]) -> str:
    """Lines of SKU, quantity and price; with an address, as snapshots have."""
    listed = ",".join(
        f'{{"sku": "{sku}", "quantity": {quantity}, "unit_price": {price}, "line_total": {quantity * price}}}'
        for sku, quantity, price in lines
    )
    return (
        f'{{"lines": [{listed}], "amount": {amount}, "email": "a@b.in", "shipping_address": {{"line1": "{ADDRESS}"}}}}'
    )


def cart(owner: str, number: int, status: str, version: int, **lines: int) -> list[str]:
    """A cart and how it came by its lines."""
    made = [
        (
            f"INSERT INTO carts (owner_id, cart_id, status, version, currency, expires_at)"
            f" VALUES ('{owner}', '{uid(number)}', '{status}', {version}, 'INR', now() + interval '30 days')"
        )
    ]
    for sku, quantity in lines.items():
        made += [line(owner, number, sku, quantity), edit(owner, number, sku, quantity, version=version)]
    return made


def line(owner: str, number: int, sku: str, quantity: int) -> str:
    return (
        "INSERT INTO lines (owner_id, cart_id, sku, product_id, quantity, added_price)"
        f" VALUES ('{owner}', '{uid(number)}', '{sku}', 1, {quantity}, 1)"
    )


def edit(owner: str, number: int, sku: str, quantity: int, *, version: int = 1) -> str:
    return (
        "INSERT INTO history (owner_id, cart_id, version, action, sku, quantity, actor)"
        f" VALUES ('{owner}', '{uid(number)}', {version}, 'set', '{sku}', {quantity}, 'user')"
    )


def shopper(owner: str, current: int) -> str:
    return f"INSERT INTO shoppers (owner_id, current_cart_id) VALUES ('{owner}', '{uid(current)}')"


def purchase(owner: str, number: int, state: str, sold: str | None, amount: int, *, cart: int | None = None) -> str:
    """A purchase of the cart with its number, unless another is named."""
    intent = "NULL" if sold is None else f"'pi_{number}'"
    kept = "NULL" if sold is None else f"'{sold}'"
    reason = "'declined'" if state == "failed" else "NULL"
    return (
        "INSERT INTO purchases (owner_id, checkout_id, cart_id, state, reason, fingerprint, snapshot, amount, currency,"
        f" intent_id, decided_at) VALUES ('{owner}', '{uid(number)}', '{uid(cart or number)}', '{state}', {reason},"
        " 'f',"
        f" {kept}, {amount or 'NULL'}, 'INR', {intent},"
        f" {'NULL' if state == 'pending' else 'now()'})"
    )


def refund(number: int, state: str, amount: int, *, restock: str = "[]", checkout: int = REFUNDED) -> str:
    given_as = f"'re_{number}'" if state == "done" else "NULL"
    failure = "'refused'" if state == "failed" else "NULL"
    return (
        "INSERT INTO refunds (owner_id, refund_id, checkout_id, state, amount, currency, restock, intent_id,"
        f" processor_refund_id, failure, actor, fingerprint, decided_at) VALUES ('{USER}', '{uid(number)}',"
        f" '{uid(checkout)}', '{state}', {amount}, 'INR', '{restock}', 'pi_{checkout}', {given_as}, {failure}, 'olga',"
        f" 'f', {'NULL' if state == 'pending' else 'now()'})"
    )


def intent(number: int | str, status: str, amount: int, *, checkout: int | None = 0) -> str:
    """An intent of the checkout with its number, unless another is named; None names none."""
    of = int(number) if checkout == 0 else checkout
    metadata = "{}" if of is None else f'{{"checkout_id": "{uid(of)}"}}'
    received = amount if status == "succeeded" else 0
    return (
        "INSERT INTO payment_intents (id, amount, amount_received, currency, status, payment_method_types, metadata,"
        f" canceled_at, created_at) VALUES ('pi_{number}', {amount}, {received}, 'inr', '{status}', '[\"card\"]',"
        f" '{metadata}', {'now()' if status == 'canceled' else 'NULL'}, now())"
    )


def charge(number: int | str, amount: int, *, of: int | str | None = None, refunded: int = 0) -> str:
    """A charge of the intent with its number, unless another is named."""
    return (
        "INSERT INTO charges (id, payment_intent, payment_method, amount, currency, succeeded, created_at,"
        f" amount_refunded) VALUES ('ch_{number}', 'pi_{of or number}', 'pm_1', {amount}, 'inr', true, now(),"
        f" {refunded})"
    )


def given(number: int | str, amount: int, *, of: int, refund: int | None) -> str:
    """A refund of the processor's, of an intent; for a refund of the shop's."""
    metadata = "{}" if refund is None else f'{{"refund_id": "{uid(refund)}"}}'
    return (
        "INSERT INTO refunds (id, charge, payment_intent, amount, currency, metadata, created_at)"
        f" VALUES ('re_{number}', 'ch_{of}', 'pi_{of}', {amount}, 'inr', '{metadata}', now())"
    )


def sku(name: str, *, available: int, held: int = 0, sold: int = 0) -> str:
    return (
        "INSERT INTO skus (sku, supplied, available, held, sold)"
        f" VALUES ('{name}', {available + held + sold}, {available}, {held}, {sold})"
    )


def moved(name: str, *, available: int = 0, held: int = 0, sold: int = 0) -> str:
    """Stock that has moved, as the service itself would have counted it."""
    return (
        f"UPDATE skus SET available = available + {available}, held = held + {held}, sold = sold + {sold}"
        f" WHERE sku = '{name}'"
    )


def hold(number: int, state: str, **lines: int) -> list[str]:
    made = [f"INSERT INTO holds (checkout_id, state) VALUES ('{uid(number)}', '{state}')"]
    return made + [
        f"INSERT INTO hold_lines (checkout_id, sku, quantity) VALUES ('{uid(number)}', '{name}', {quantity})"
        for name, quantity in lines.items()
    ]


def restock(refund: int, checkout: int, name: str, quantity: int) -> list[str]:
    return [
        f"INSERT INTO restocks (refund_id, checkout_id) VALUES ('{uid(refund)}', '{uid(checkout)}')",
        (
            "INSERT INTO restock_lines (refund_id, checkout_id, sku, quantity)"
            f" VALUES ('{uid(refund)}', '{uid(checkout)}', '{name}', {quantity})"
        ),
        (
            f"UPDATE hold_lines SET restocked = restocked + {quantity}"
            f" WHERE checkout_id = '{uid(checkout)}' AND sku = '{name}'"
        ),
    ]


def receipt(owner: str, merge: int, guest: str, lines: str) -> str:
    return (
        "INSERT INTO receipts (owner_id, merge_id, guest_owner, guest_cart_id, cart_id, strategy, lines)"
        f" VALUES ('{owner}', '{uid(merge)}', '{guest}', '{uid(GUESTS_CART)}', '{uid(USERS_NEXT_CART)}', 'sum',"
        f" '{lines}')"
    )


HEALTHY: Mapping[str, Iterable[str]] = {
    "cartdb": [
        "BEGIN",
        shopper(USER, USERS_NEXT_CART),
        *cart(USER, REFUNDED, "purchased", 2, apple=2, banana=1),
        *cart(USER, USERS_NEXT_CART, "open", 1, apple=1),
        purchase(USER, REFUNDED, "paid", snapshot(2500, ("apple", 2, 1000), ("banana", 1, 500)), 2500),
        refund(REFUND, "done", 1000, restock='[{"sku": "apple", "quantity": 1}]'),
        refund(REFUSED_REFUND, "failed", 9000),
        f"UPDATE purchases SET refunded = 1000 WHERE checkout_id = '{uid(REFUNDED)}'",
        shopper(OTHER, DECLINED),
        *cart(OTHER, DECLINED, "open", 3, milk=1),
        purchase(OTHER, DECLINED, "failed", snapshot(70, ("milk", 1, 70)), 70),
        shopper(THIRD, VOIDED),
        *cart(THIRD, VOIDED, "open", 2, milk=2),
        purchase(THIRD, VOIDED, "failed", None, 0),
        shopper(FOURTH, FOURTHS_NEXT_CART),
        *cart(FOURTH, PAID, "purchased", 1, pen=1),
        *cart(FOURTH, FOURTHS_NEXT_CART, "open", 0),
        purchase(FOURTH, PAID, "paid", snapshot(300, ("pen", 1, 300)), 300),
        shopper(GUEST, GUESTS_CART),
        *cart(GUEST, GUESTS_CART, "open", 2, apple=1),
        (
            f"UPDATE carts SET status = 'moved', merge_id = '{uid(MERGE)}', target_owner = '{USER}', strategy = 'sum'"
            f" WHERE cart_id = '{uid(GUESTS_CART)}'"
        ),
        receipt(USER, MERGE, GUEST, '[{"sku": "apple", "guest_quantity": 1}]'),
        "COMMIT",
    ],
    "catalog": [
        sku("apple", available=99, sold=1),
        sku("banana", available=9, sold=1),
        sku("milk", available=5),
        sku("pen", available=4, sold=1),
        *hold(REFUNDED, "committed", apple=2, banana=1),
        *restock(REFUND, REFUNDED, "apple", 1),
        *hold(DECLINED, "released", milk=1),
        *hold(PAID, "committed", pen=1),
    ],
    "payments": [
        (
            "INSERT INTO payment_methods VALUES"
            " ('pm_1', 'visa', '4242', 12, 2040, 'credit', 'IN', 'approve', 'f', '{}', '{}', now())"
        ),
        intent(REFUNDED, "succeeded", 2500),
        charge(REFUNDED, 2500, refunded=1000),
        given(REFUND, 1000, of=REFUNDED, refund=REFUND),
        intent(DECLINED, "canceled", 70),
        intent(PAID, "succeeded", 300),
        charge(PAID, 300),
    ],
    "controller": [
        (
            "INSERT INTO sessions (id_hash, guest_owner, issuer, subject, merge_id, merge_done)"
            f" VALUES (decode(repeat('ab', 32), 'hex'), '{GUEST}', 'i', 's', '{uid(MERGE)}', true)"
        )
    ],
}


EMPTY = """
    DO $$ BEGIN EXECUTE (
        SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') || ' CASCADE' FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    ); END $$
"""


@dataclass
class Shelf:
    """The healthy shop; nobody changes it but in a copy."""

    databases: Databases
    books: Books
    copies: dict[str, str] = field(default_factory=dict)

    async def spoiled(self, wrong: Mapping[str, Iterable[str]]) -> Books:
        """The shop after these statements, made by a superuser in a copy of the databases that they are for.

        Good until the next one is made.
        """
        urls = {}
        for service, statements in wrong.items():
            urls[service] = await self._fresh(service)
            await execute(self.superuser(urls[service]), *statements)
            if any(statement.startswith(("ALTER", "DROP")) for statement in statements):
                del self.copies[service]  # Rows can be put right again, tables not.
        return replace(self.books, **urls)

    async def _fresh(self, service: str) -> str:
        # To make and to drop a database takes a checkpoint each: one for every test would take a minute.
        if service in self.copies:
            await execute(self.superuser(self.copies[service]), EMPTY, *HEALTHY[service])
        else:
            self.copies[service] = await self._copy(service)
        return self.copies[service]

    async def _copy(self, service: str) -> str:
        original = name_in(getattr(self.books, service))
        name = f"{original}_{len(self.databases.made)}"
        self.databases.made.append(name)
        await execute(
            self.databases.server.superuser_url,
            f'CREATE DATABASE "{name}" TEMPLATE "{original}"',
            f'GRANT CONNECT ON DATABASE "{name}" TO verifier',
        )
        return self._url(name)

    def superuser(self, url: str) -> str:
        """Somebody to whom no rule applies, in the same database."""
        there = urlsplit(self.databases.server.superuser_url)
        return there._replace(path=f"/{name_in(url)}").geturl()

    def _url(self, name: str) -> str:
        return self.databases.server.url(database=name, user="verifier", password=PASSWORD)

    @classmethod
    async def fill(cls, databases: Databases) -> "Shelf":
        """Real migrations, then the healthy shop's rows."""
        server: Server = databases.server
        await asyncio.to_thread(server.create_verifier, PASSWORD)
        urls = {}
        for service in READ:
            made = await databases.make(service)
            # Again, for the template may have been migrated before there was a verifier.
            await asyncio.to_thread(migrate, service, made.owner)
            await execute(made.app, *HEALTHY[service])
            urls[service] = server.url(database=made.name, user="verifier", password=PASSWORD)
        return cls(databases, Books(**urls))

    @staticmethod
    async def migrated_again(databases: Databases, url: str) -> None:
        """As at the next start of the service."""
        name = name_in(url)
        template = next(template for template in databases.templates.values() if name.startswith(f"{template}_"))
        owner = databases.server.url(database=name, user=f"{template}_owner", password=databases.password)
        await asyncio.to_thread(migrate, "catalog", owner)


def name_in(url: str) -> str:
    return urlsplit(url).path.strip("/")


async def execute(url: str, *statements: str) -> None:
    """One connection, one statement after another."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
