"""The checker sees what is wrong and nothing else: one bad row breaks each invariant, in a shop that was right."""

import asyncio
import json
from collections.abc import Iterable, Mapping

import asyncpg
import pytest

from services.local.postgres import Server
from services.verify.check import Verdict, verify
from services.verify.invariants import SENTENCES, Invariant
from services.verify.tell import COUNTED, as_data, in_words, main
from tests.conftest import Databases

from .verify_stand import (
    ADDRESS,
    DECLINED,
    FOURTH,
    GUEST,
    GUESTS_CART,
    MERGE,
    OTHER,
    PAID,
    PASSWORD,
    READ,
    REFUND,
    REFUNDED,
    REFUSED_REFUND,
    THIRD,
    USER,
    VOIDED,
    Shelf,
    cart,
    charge,
    edit,
    execute,
    given,
    hold,
    intent,
    moved,
    purchase,
    receipt,
    refund,
    restock,
    snapshot,
    uid,
)

Wrong = Mapping[str, Iterable[str]]

PENDING_OF_OTHER = (
    purchase(OTHER, 5, "pending", snapshot(70, ("milk", 1, 70)), 70, cart=DECLINED),
    f"UPDATE carts SET status = 'in_checkout' WHERE cart_id = '{uid(DECLINED)}'",
)
SECOND_PURCHASE = purchase(FOURTH, 5, "paid", snapshot(300, ("pen", 1, 300)), 300, cart=PAID)


def set_intent(number: int, columns: str) -> str:
    return f"UPDATE payment_intents SET {columns} WHERE id = 'pi_{number}'"


def set_purchase(number: int, columns: str) -> str:
    return f"UPDATE purchases SET {columns} WHERE checkout_id = '{uid(number)}'"


def set_cart(number: int, columns: str) -> str:
    return f"UPDATE carts SET {columns} WHERE cart_id = '{uid(number)}'"


def set_hold(number: int, state: str) -> str:
    return f"UPDATE holds SET state = '{state}' WHERE checkout_id = '{uid(number)}'"


# What begins with ALTER or DROP first takes away what the database itself would refuse the bad row with.
BAD: list[tuple[str, Invariant, Wrong]] = [
    ("a purchase that never ends", Invariant.STUCK, {"cartdb": PENDING_OF_OTHER}),
    (
        "a refund that never ends",
        Invariant.STUCK,
        {"cartdb": [refund(5, "pending", 100), set_purchase(REFUNDED, "refunded = 1100")]},
    ),
    ("an adoption that never ends", Invariant.STUCK, {"cartdb": [set_cart(GUESTS_CART, "status = 'moving'")]}),
    (
        "a paid purchase whose intent was cancelled",
        Invariant.PAID_IS_CHARGED,
        {
            "payments": [
                f"DELETE FROM charges WHERE id = 'ch_{PAID}'",
                set_intent(PAID, "status = 'canceled', amount_received = 0, canceled_at = now()"),
            ]
        },
    ),
    (
        "a paid purchase that no intent was made for",
        Invariant.PAID_IS_CHARGED,
        {
            "payments": [
                f"DELETE FROM charges WHERE id = 'ch_{PAID}'",
                f"DELETE FROM payment_intents WHERE id = 'pi_{PAID}'",
            ]
        },
    ),
    (
        "a paid purchase that names another intent",
        Invariant.PAID_IS_CHARGED,
        {"cartdb": [set_purchase(PAID, "intent_id = 'pi_other'")]},
    ),
    (
        "a charge of one unit too much",
        Invariant.CHARGE_IS_EXACT,
        {
            "payments": [
                set_intent(PAID, "amount = 301, amount_received = 301"),
                "UPDATE charges SET amount = amount + 1",
            ]
        },
    ),
    (
        "a charge in another currency",
        Invariant.CHARGE_IS_EXACT,
        {
            "payments": [
                set_intent(PAID, "currency = 'usd'"),
                f"UPDATE charges SET currency = 'usd' WHERE id = 'ch_{PAID}'",
            ]
        },
    ),
    (
        "two charges of one intent",
        Invariant.CHARGED_ONCE,
        {"payments": ["DROP INDEX charges_one_success", charge("twice", 300, of=PAID)]},
    ),
    (
        "two charged intents of one checkout",
        Invariant.CHARGED_ONCE,
        {"payments": [intent("twice", "succeeded", 300, checkout=PAID), charge("twice", 300)]},
    ),
    (
        "a charge for a checkout that is not known",
        Invariant.CHARGED_IS_PURCHASED,
        {"payments": [intent(5, "succeeded", 300), charge(5, 300)]},
    ),
    (
        "a charge of a paid purchase whose intent does not name its checkout any more",
        Invariant.PAID_IS_CHARGED,
        {"payments": [set_intent(PAID, "metadata = '{}'")]},
    ),
    (
        "a charge of a failed purchase whose intent does not name its checkout any more",
        Invariant.CHARGED_IS_PURCHASED,
        {
            "payments": [
                set_intent(DECLINED, "metadata = '{}', status = 'succeeded', amount_received = 70, canceled_at = NULL"),
                charge(DECLINED, 70),
            ]
        },
    ),
    (
        "a charge for a purchase that failed",
        Invariant.CHARGED_IS_PURCHASED,
        {
            "payments": [
                set_intent(DECLINED, "status = 'succeeded', amount_received = 70, canceled_at = NULL"),
                charge(DECLINED, 70),
            ]
        },
    ),
    (
        "an intent for a checkout that is not known",
        Invariant.INTENT_IS_KNOWN,
        {"payments": [intent(5, "requires_payment_method", 300)]},
    ),
    (
        "an intent of a failed purchase that can still be charged",
        Invariant.INTENT_IS_CLOSED,
        {"payments": [set_intent(DECLINED, "status = 'requires_payment_method', canceled_at = NULL")]},
    ),
    (
        "a second intent of a paid purchase that can still be charged",
        Invariant.INTENT_IS_CLOSED,
        {"payments": [intent("twice", "requires_confirmation", 300, checkout=PAID)]},
    ),
    (
        "money held for a purchase that failed",
        Invariant.MONEY_IS_NOT_HELD,
        {
            "payments": [
                set_intent(DECLINED, "status = 'requires_capture', capture_method = 'manual', canceled_at = NULL"),
                charge(DECLINED, 70),
                f"UPDATE charges SET uncaptured = 70 WHERE id = 'ch_{DECLINED}'",
            ]
        },
    ),
    (
        "a refund that the processor does not know",
        Invariant.REFUND_IS_GIVEN,
        {"cartdb": [f"UPDATE refunds SET processor_refund_id = 're_other' WHERE refund_id = '{uid(REFUND)}'"]},
    ),
    (
        "a refund of another amount than was given back",
        Invariant.REFUND_IS_EXACT,
        {
            "cartdb": [
                f"UPDATE refunds SET amount = 900 WHERE refund_id = '{uid(REFUND)}'",
                set_purchase(REFUNDED, "refunded = 900"),
            ]
        },
    ),
    (
        "a refund that was given back twice",
        Invariant.REFUNDED_ONCE,
        {
            "payments": [
                given("twice", 1000, of=REFUNDED, refund=REFUND),
                f"UPDATE charges SET amount_refunded = 2000 WHERE id = 'ch_{REFUNDED}'",
            ]
        },
    ),
    (
        "money given back that the shop knows nothing of",
        Invariant.REFUND_IS_KNOWN,
        {
            "payments": [
                given(5, 100, of=PAID, refund=None),
                f"UPDATE charges SET amount_refunded = 100 WHERE id = 'ch_{PAID}'",
            ]
        },
    ),
    (
        "money given back by a refund that failed",
        Invariant.REFUND_IS_KNOWN,
        {
            "payments": [
                given(REFUSED_REFUND, 100, of=REFUNDED, refund=REFUSED_REFUND),
                f"UPDATE charges SET amount_refunded = 1100 WHERE id = 'ch_{REFUNDED}'",
            ]
        },
    ),
    (
        "a charge that counts more refunded than its refunds",
        Invariant.REFUNDS_ADD_UP,
        {"payments": [f"UPDATE charges SET amount_refunded = 1100 WHERE id = 'ch_{REFUNDED}'"]},
    ),
    (
        "an order that counts more refunded than its refunds",
        Invariant.REFUNDS_ADD_UP,
        {"cartdb": [set_purchase(REFUNDED, "refunded = 1100")]},
    ),
    (
        "a charge that took more than its intent received",
        Invariant.LEDGER,
        {"payments": [f"UPDATE charges SET amount = 310 WHERE id = 'ch_{PAID}'"]},
    ),
    (
        "a cart that was bought twice",
        Invariant.ONE_PURCHASE_PER_CART,
        {
            "cartdb": ["DROP INDEX purchases_one_live_per_cart", SECOND_PURCHASE],
            "payments": [intent(5, "succeeded", 300), charge(5, 300)],
            "catalog": [*hold(5, "committed", pen=1), moved("pen", available=-1, sold=1)],
        },
    ),
    (
        "a checkout of two owners",
        Invariant.ONE_PURCHASE_PER_CHECKOUT,
        {"cartdb": [purchase(THIRD, DECLINED, "failed", None, 0, cart=VOIDED)]},
    ),
    (
        "a paid purchase whose cart is open",
        Invariant.CART_AGREES,
        {"cartdb": [set_cart(PAID, "status = 'open'")]},
    ),
    (
        "a frozen cart that nobody is paying for",
        Invariant.NO_FROZEN_CART,
        {"cartdb": [set_cart(DECLINED, "status = 'in_checkout'")]},
    ),
    (
        "a bought cart that nobody paid for",
        Invariant.NO_FROZEN_CART,
        {"cartdb": cart(OTHER, 5, "purchased", 1, milk=1)},
    ),
    (
        "a purchase whose amount is not the sum of its lines",
        Invariant.AMOUNT_IS_SUM,
        {"cartdb": [set_purchase(PAID, "snapshot = jsonb_set(snapshot, '{lines,0,line_total}', '299')")]},
    ),
    (
        "a purchase whose line is not its price times its quantity",
        Invariant.AMOUNT_IS_SUM,
        {"cartdb": [set_purchase(PAID, "snapshot = jsonb_set(snapshot, '{lines,0,unit_price}', '299')")]},
    ),
    (
        "a line that was changed after it was bought",
        Invariant.BOUGHT_LINES_UNCHANGED,
        {"cartdb": [f"UPDATE lines SET quantity = 2 WHERE cart_id = '{uid(PAID)}'", edit(FOURTH, PAID, "pen", 2)]},
    ),
    (
        "a paid purchase whose goods were given back",
        Invariant.PAID_IS_SOLD,
        {"catalog": [set_hold(PAID, "released"), moved("pen", available=1, sold=-1)]},
    ),
    (
        "a paid purchase whose goods nobody took out of stock",
        Invariant.PAID_IS_SOLD,
        {
            "catalog": [
                f"DELETE FROM hold_lines WHERE checkout_id = '{uid(PAID)}'",
                f"DELETE FROM holds WHERE checkout_id = '{uid(PAID)}'",
                moved("pen", available=1, sold=-1),
            ]
        },
    ),
    (
        "one piece more taken out of stock than was bought",
        Invariant.SOLD_IS_EXACT,
        {
            "catalog": [
                f"UPDATE hold_lines SET quantity = 2 WHERE checkout_id = '{uid(PAID)}'",
                moved("pen", available=-1, sold=1),
            ]
        },
    ),
    (
        "goods sold to a checkout that is not known",
        Invariant.SOLD_IS_PURCHASED,
        {"catalog": [*hold(5, "committed", pen=1), moved("pen", available=-1, sold=1)]},
    ),
    (
        "goods sold to a purchase that failed",
        Invariant.SOLD_IS_PURCHASED,
        {"catalog": [set_hold(DECLINED, "committed"), moved("milk", available=-1, sold=1)]},
    ),
    (
        "goods held for a checkout that is not known",
        Invariant.NO_DANGLING_HOLD,
        {"catalog": [*hold(5, "held", pen=1), moved("pen", available=-1, held=1)]},
    ),
    (
        "goods held for a purchase that failed",
        Invariant.NO_DANGLING_HOLD,
        {"catalog": [set_hold(DECLINED, "held"), moved("milk", available=-1, held=1)]},
    ),
    (
        "a refund that put back goods which it does not name",
        Invariant.RESTOCK_IS_EXACT,
        {"cartdb": [f"UPDATE refunds SET restock = '[]' WHERE refund_id = '{uid(REFUND)}'"]},
    ),
    (
        "goods put back that no refund stands for",
        Invariant.RESTOCK_IS_KNOWN,
        {"catalog": [*restock(5, PAID, "pen", 1), moved("pen", available=1, sold=-1)]},
    ),
    (
        "less than nothing on the shelf",
        Invariant.STOCK_NOT_NEGATIVE,
        {
            "catalog": [
                "ALTER TABLE skus DROP CONSTRAINT skus_never_below_zero",
                "UPDATE skus SET available = -1, supplied = 0 WHERE sku = 'pen'",
            ]
        },
    ),
    (
        "a piece that has vanished",
        Invariant.STOCK_ADDS_UP,
        {
            "catalog": [
                "ALTER TABLE skus DROP CONSTRAINT skus_nothing_is_lost",
                "UPDATE skus SET available = available - 1 WHERE sku = 'pen'",
            ]
        },
    ),
    ("a sale that no hold knows of", Invariant.STOCK_SOLD, {"catalog": [moved("pen", available=-1, sold=1)]}),
    (
        "a piece set aside that no hold knows of",
        Invariant.STOCK_HELD,
        {"catalog": [moved("pen", available=-1, held=1)]},
    ),
    (
        "a piece that came back and does not count as back",
        Invariant.STOCK_BACK,
        {"catalog": ["UPDATE hold_lines SET restocked = 0"]},
    ),
    (
        "a shopper whose current cart is bought",
        Invariant.CURRENT_CART,
        {
            "cartdb": [
                "DROP TRIGGER current_cart_is_live ON shoppers",
                f"UPDATE shoppers SET current_cart_id = '{uid(PAID)}' WHERE owner_id = '{FOURTH}'",
            ]
        },
    ),
    (
        "a shopper whose current cart is somebody else's",
        Invariant.CURRENT_CART,
        {
            "cartdb": [
                "ALTER TABLE shoppers DROP CONSTRAINT shoppers_owner_id_current_cart_id_fkey",
                f"UPDATE shoppers SET current_cart_id = '{uid(DECLINED)}' WHERE owner_id = '{FOURTH}'",
            ]
        },
    ),
    (
        "a cart whose version fell behind",
        Invariant.VERSION_COUNTS_EDITS,
        {"cartdb": [set_cart(DECLINED, "version = 1")]},
    ),
    (
        "an edit that was lost",
        Invariant.HISTORY_MAKES_LINES,
        {"cartdb": [f"DELETE FROM lines WHERE cart_id = '{uid(DECLINED)}'"]},
    ),
    (
        "a line that nobody put in",
        Invariant.HISTORY_MAKES_LINES,
        {"cartdb": [f"DELETE FROM history WHERE cart_id = '{uid(DECLINED)}'"]},
    ),
    (
        "a guest's cart that moved nowhere",
        Invariant.MOVED_WITH_RECEIPT,
        {"cartdb": ["DELETE FROM receipts"]},
    ),
    (
        "a receipt for a cart that never moved",
        Invariant.RECEIPT_OF_A_CART,
        {"cartdb": [receipt(USER, 5, GUEST, "[]")]},
    ),
    (
        "a guest's cart that went to two users",
        Invariant.MERGED_ONCE,
        {"cartdb": [receipt(OTHER, MERGE, GUEST, '[{"sku": "apple", "guest_quantity": 1}]')]},
    ),
    (
        "a guest's line that is not on the receipt",
        Invariant.RECEIPT_HOLDS_ALL,
        {"cartdb": ["UPDATE receipts SET lines = '[]'"]},
    ),
    (
        "a cart that a guest left behind on signing in",
        Invariant.GUEST_LEAVES_NOTHING,
        {"cartdb": cart(GUEST, 5, "open", 1, apple=1)},
    ),
    (
        "a session that moved a cart which never moved",
        Invariant.MERGE_IS_KNOWN,
        {"controller": [f"UPDATE sessions SET merge_id = '{uid(5)}'"]},
    ),
]


@pytest.fixture(scope="module")
async def shelf(databases: Databases) -> Shelf:
    """A shop that is right."""
    return await Shelf.fill(databases)


async def test_a_shop_that_is_right_has_no_violation(shelf: Shelf) -> None:
    verdict = await verify(shelf.books, wait_seconds=0)

    assert verdict.violations == []
    assert verdict.right
    assert verdict.counts["paid purchases"] == 2
    assert verdict.ledger.sums("inr") == (2800, 1000, 2800, 1000)


def test_each_invariant_is_broken_by_some_row_below() -> None:
    assert {invariant for _, invariant, _ in BAD} == set(Invariant) == set(SENTENCES)


@pytest.mark.parametrize(("invariant", "wrong"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_one_bad_row_is_named_and_nothing_else(shelf: Shelf, invariant: Invariant, wrong: Wrong) -> None:
    verdict = await verify(await shelf.spoiled(wrong), wait_seconds=0)

    assert {violation.invariant for violation in verdict.violations} == {invariant}
    assert all(violation.what and violation.where for violation in verdict.violations)


async def test_a_violation_tells_the_ids_and_the_amounts(shelf: Shelf) -> None:
    wrong = {
        "payments": [set_intent(PAID, "amount = 310, amount_received = 310"), "UPDATE charges SET amount = amount + 10"]
    }

    verdict = await verify(await shelf.spoiled(wrong), wait_seconds=0)

    (violation,) = verdict.violations
    assert violation.what == "₹3.00 is due, ₹3.10 was charged"
    assert violation.where == f"order {uid(PAID)} of {FOURTH}, cart {uid(PAID)}, pi_{PAID}"


BESIDE_THE_SHOP = {
    "payments": [
        intent(5, "succeeded", 6400, checkout=None),
        charge(5, 6400, refunded=6400),
        given(5, 6400, of=5, refund=None),
        intent(6, "succeeded", 10_000, checkout=None),
        charge(6, 10_000),
        "UPDATE payment_intents SET capture_method = 'manual', amount_received = 6400 WHERE id = 'pi_6'",
        "UPDATE charges SET uncaptured = 3600 WHERE id = 'ch_6'",
        intent(7, "requires_confirmation", 500, checkout=None),
        "UPDATE payment_intents SET status = 'requires_capture', capture_method = 'manual' WHERE id = 'pi_7'",
        charge(7, 500),
        "UPDATE charges SET uncaptured = 500 WHERE id = 'ch_7'",
    ]
}


async def test_what_went_past_the_shop_is_told_and_is_no_violation(shelf: Shelf) -> None:
    verdict = await verify(await shelf.spoiled(BESIDE_THE_SHOP), wait_seconds=0)

    assert verdict.violations == []
    assert list(in_words(verdict))[-3:-1] == [
        "2 charges of ₹128.00, ₹64.00 of it given back, that name no checkout: not the shop's",
        "1 card hold of ₹5.00 that names no checkout: not the shop's",
    ]
    assert as_data(verdict)["not_the_shops"] == {
        "inr": {"charges": 2, "charged": 12_800, "given": 6400, "holds": 1, "held": 500}
    }


async def test_a_strict_check_takes_what_went_past_the_shop_for_wrong_at_what_was_captured(shelf: Shelf) -> None:
    verdict = await verify(await shelf.spoiled(BESIDE_THE_SHOP), strict=True, wait_seconds=0)

    assert [(one.invariant, one.what, one.where) for one in sorted(verdict.violations, key=lambda one: one.where)] == [
        (Invariant.CHARGED_IS_PURCHASED, "₹64.00 was charged for no checkout", "pi_5"),
        (Invariant.CHARGED_IS_PURCHASED, "₹64.00 was charged for no checkout", "pi_6"),
        (Invariant.MONEY_IS_NOT_HELD, "₹5.00 is held for no checkout", "pi_7"),
    ]


async def test_what_is_under_way_is_waited_for_and_fine_once_it_has_ended(shelf: Shelf) -> None:
    books = await shelf.spoiled({"cartdb": PENDING_OF_OTHER})
    checking = asyncio.create_task(verify(books, wait_seconds=30))
    await _is_asking(shelf, books.cartdb)

    await execute(
        shelf.superuser(books.cartdb),
        f"DELETE FROM purchases WHERE checkout_id = '{uid(5)}'; UPDATE carts SET status = 'open'"
        f" WHERE cart_id = '{uid(DECLINED)}'",
    )

    verdict = await checking
    assert verdict.violations == []
    assert 0 < verdict.waited_seconds < 30


async def test_who_waits_for_longer_than_a_second_is_told_once_what_for(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    books = await shelf.spoiled({"cartdb": PENDING_OF_OTHER})

    code = await asyncio.to_thread(main, books, ["--json", "--wait", "1.5"])

    told = capsys.readouterr()
    assert code == 1
    assert json.loads(told.out)["found"]["stuck"] == 1
    (line,) = told.err.splitlines()
    assert line.startswith(
        f"waiting, at most 1.5 s, for what is under way: purchase, order {uid(5)} of {OTHER}, unfinished since "
    )


async def _is_asking(shelf: Shelf, url: str) -> None:
    """Wait until the checker has looked at a database, at least once."""
    connection = await asyncpg.connect(shelf.superuser(url))
    looked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'verify' AND datname = current_database()"
    async with asyncio.timeout(20):
        while not await connection.fetchval(looked):  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(0.005)
    await connection.close()


async def test_what_begins_during_the_wait_is_not_stuck(shelf: Shelf) -> None:
    begun_later = set_purchase(5, "created_at = now() + interval '1 minute'")
    books = await shelf.spoiled({"cartdb": [*PENDING_OF_OTHER, begun_later]})

    verdict = await verify(books, wait_seconds=0)

    assert verdict.violations == []
    assert verdict.counts["pending purchases"] == 1


async def test_a_live_check_judges_nothing_that_is_under_way(shelf: Shelf) -> None:
    books = await shelf.spoiled(
        {
            "cartdb": PENDING_OF_OTHER,
            "payments": [intent(5, "succeeded", 70), charge(5, 70)],
            "catalog": [*hold(5, "held", milk=1), moved("milk", available=-1, held=1)],
        }
    )

    verdict = await verify(books, live=True)

    assert verdict.violations == []
    assert verdict.waited_seconds == 0


async def test_an_intent_that_nobody_was_told_of_is_no_violation(shelf: Shelf) -> None:
    untold = intent("untold", "requires_payment_method", 300, checkout=PAID)

    verdict = await verify(await shelf.spoiled({"payments": [untold]}), wait_seconds=0)

    assert verdict.violations == []
    assert verdict.counts["intents"] == 4


async def test_a_shop_whose_carts_have_all_expired_is_still_right(shelf: Shelf) -> None:
    expired = [
        "UPDATE carts SET expires_at = now() - interval '1 day'",
        "SELECT expire_cart(owner_id, cart_id, cart_id, 30, starts_with(owner_id, 'guest:')) FROM carts",
    ]

    spoiled = await shelf.spoiled({"cartdb": expired})
    verdict = await verify(spoiled, wait_seconds=0)

    assert verdict.violations == []
    assert verdict.counts["paid purchases"] == 2
    connection = await asyncpg.connect(spoiled.cartdb)
    left = await connection.fetch(
        "SELECT DISTINCT c.status FROM verify.lines l JOIN verify.carts c USING (owner_id, cart_id)"
    )
    emptied = await connection.fetchval("SELECT count(*) FROM verify.carts WHERE emptied_at IS NOT NULL")
    await connection.close()
    assert {row["status"] for row in left} <= {"purchased", "in_checkout"}
    assert emptied > 0


async def test_many_violations_of_one_kind_are_counted_and_a_hundred_told(shelf: Shelf) -> None:
    frozen = [
        (
            "INSERT INTO carts (owner_id, cart_id, status, currency, expires_at)"
            f" SELECT '{OTHER}', gen_random_uuid(), 'in_checkout', 'INR', now() FROM generate_series(1, 250)"
        )
    ]

    verdict = await verify(await shelf.spoiled({"cartdb": frozen}), wait_seconds=0)

    assert verdict.found == {Invariant.NO_FROZEN_CART: 250}
    assert len(verdict.violations) == 100
    assert "no_frozen_cart: and 150 more" in list(in_words(verdict))


# --- the role


async def _views(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'verify'")
    return [f"verify.{row['viewname']}" for row in rows]


@pytest.mark.parametrize("service", READ)
async def test_the_verifier_reads_its_views_and_no_table(shelf: Shelf, service: str) -> None:
    connection = await asyncpg.connect(getattr(shelf.books, service))

    views = await _views(connection)
    for view in views:
        await connection.fetch(f"SELECT * FROM {view}")
    allowed = await connection.fetch(
        """
        SELECT oid::regclass::text AS name FROM pg_class
        WHERE relkind IN ('r', 'v', 'm', 'p') AND relnamespace NOT IN
                ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            AND (has_table_privilege(oid, 'SELECT') OR has_any_column_privilege(oid, 'SELECT'))
        """
    )
    await connection.close()

    assert views
    assert {row["name"] for row in allowed} == set(views)


async def test_the_verifier_cannot_write_and_sees_no_address_and_no_card(shelf: Shelf) -> None:
    seen = ""
    for service in READ:
        connection = await asyncpg.connect(getattr(shelf.books, service))
        for view in await _views(connection):
            seen += str(await connection.fetch(f"SELECT * FROM {view}"))
            writable = f"SELECT has_table_privilege('{view}', 'INSERT, UPDATE, DELETE, TRUNCATE')"
            assert not await connection.fetchval(writable)
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("CREATE TABLE public.mine (a int)")
        await connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE public.mine (a int)")
        await connection.close()

    assert uid(PAID) in seen
    assert [secret for secret in (ADDRESS, "a@b.in", "4242", "abababab") if secret in seen] == []


async def test_the_verifier_has_no_business_in_the_providers_database(databases: Databases, shelf: Shelf) -> None:
    idp = await databases.make("idp")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(databases.server.url(database=idp.name, user="verifier", password=PASSWORD))


async def test_migrating_again_leaves_the_views_of_a_reader_alone(databases: Databases, shelf: Shelf) -> None:
    reader = await asyncpg.connect(shelf.books.catalog)
    async with reader.transaction():
        await reader.fetch("SELECT * FROM verify.skus")

        again = Shelf.migrated_again(databases, shelf.books.catalog)
        await asyncio.wait_for(again, 20)

    await reader.close()


# --- what it says


async def test_in_words_every_invariant_has_a_line_and_the_sums_are_told(shelf: Shelf) -> None:
    words = list(in_words(await verify(shelf.books, wait_seconds=0)))

    assert words[0].startswith("checked 4 purchases (2 paid, 2 failed, 0 under way), 3 payment intents, 2 refunds, ")
    assert [f"      ok  {sentence}" for sentence in SENTENCES.values()] == [line[2:] for line in words[1:-2]]
    assert words[-2] == "₹28.00 paid less ₹10.00 refunded; ₹28.00 charged less ₹10.00 given back"
    assert words[-1].startswith("everything is right (")


def _main(capsys: pytest.CaptureFixture[str], shelf: Shelf, *arguments: str) -> tuple[int, str]:
    return main(shelf.books, arguments), capsys.readouterr().out


async def test_the_command_ends_with_0_for_right_and_1_for_wrong(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    spoiled = Shelf(shelf.databases, await shelf.spoiled({"catalog": [moved("pen", available=-1, sold=1)]}))

    right = await asyncio.to_thread(_main, capsys, shelf, "--json")
    wrong = await asyncio.to_thread(_main, capsys, spoiled, "--live")

    assert (right[0], json.loads(right[1])["right"]) == (0, True)
    assert wrong[0] == 1
    assert "   1 WRONG  what counts as sold is the sum of the sales, less what came back" in wrong[1]
    assert "stock_sold: 2 count as sold; 1 were, 0 came back (SKU pen)" in wrong[1]


async def test_the_command_ends_with_2_where_it_cannot_read(
    postgres: Server, shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    books = type(shelf.books).at(postgres.url(database="no_{database}", user="verifier", password=PASSWORD))

    code = await asyncio.to_thread(main, books, ["--wait", "0"])

    assert code == 2
    assert capsys.readouterr().out == 'The databases cannot be read: database "no_cartdb" does not exist\n'


@pytest.mark.parametrize("given", ["-3", "nan", "inf", "soon"])
async def test_a_wait_that_is_none_is_refused(shelf: Shelf, given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(shelf.books, ["--wait", given])

    assert ended.value.code == 2
    assert f"{given} is not a number of seconds from 0 to " in capsys.readouterr().err


def test_one_of_a_thing_is_told_in_the_singular() -> None:
    verdict = Verdict(live=True)
    verdict.counts.update(["purchases", "refunds", "carts"])

    first = next(in_words(verdict))

    assert first.startswith("checked 1 purchase (0 paid, 0 failed, 0 under way), 0 payment intents, 1 refund, ")
    assert first.endswith("1 cart of 0 shoppers, 0 merged carts")


def test_a_program_is_told_the_same_and_nothing_is_told_as_zero() -> None:
    told = as_data(Verdict(live=True), "EUR")

    assert (told["right"], told["live"], told["violations"]) == (True, True, [])
    assert told["ledger"] == {"eur": {"paid": 0, "refunded": 0, "charged": 0, "given": 0}}
    assert told["counts"] == dict.fromkeys(COUNTED, 0)
    json.dumps(told)


async def test_all_that_is_counted_is_told(shelf: Shelf) -> None:
    verdict = await verify(shelf.books, wait_seconds=0)

    assert verdict.counts.keys() <= set(COUNTED)
