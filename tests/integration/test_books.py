"""The books of a shop that is sold to by many at once: they agree at every moment, and in the end."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from services.verify.check import Verdict, verify_now
from tests.stacks import RunningStack
from tests.verifying import assert_books_agree, books_of

from .shop_client import Shop, Shopper

SHOPPERS = 6
ROUNDS = 4
GOOD, DECLINED, DEAR = "pm_card_visa", "pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"


def fills(shop: Shop, dice: random.Random, skus: Sequence[str]) -> Shopper:
    """Somebody with a cart; one in three signs in with it."""
    shopper = shop.guest()
    for sku in skus:
        shopper.add(sku, dice.randint(1, 3))
    if dice.random() < 1 / 3:
        shop.sign_up(shopper)
        shopper.add(skus[0])
    return shopper


def pays_and_tries_again(shop: Shop, dice: random.Random, skus: Sequence[str]) -> None:
    """A declined card, then a good one, which is pressed twice."""
    shopper = fills(shop, dice, skus)
    assert shopper.check_out(payment_method=dice.choice((DECLINED, DEAR))).status_code == 402
    with ThreadPoolExecutor(2) as both:
        told = [both.submit(shopper.check_out, payment_method=GOOD, key="twice") for _ in range(2)]
    assert {answer.result().status_code for answer in told} <= {201, 202}


def pays_two_carts(shop: Shop, dice: random.Random, skus: Sequence[str]) -> None:
    """A cart, and then another one."""
    shopper = fills(shop, dice, skus)
    for _ in range(2):
        shopper.add(dice.choice(skus))
        assert shopper.check_out(payment_method=GOOD).status_code == 201


def wants_the_last_one(shop: Shop, dice: random.Random, skus: Sequence[str]) -> None:
    """Two people and one piece."""
    last = shop.goods(stock=1)
    rivals = [fills(shop, dice, skus) for _ in range(2)]
    for rival in rivals:
        rival.add(last)
    with ThreadPoolExecutor(2) as both:
        answers = [both.submit(rival.check_out) for rival in rivals]
    assert sorted(answer.result().status_code for answer in answers) == [201, 409]


def sends_it_back(shop: Shop, dice: random.Random, skus: Sequence[str]) -> None:
    """An order, a part of which an operator gives back, goods and all; the button is pressed twice."""
    shopper = fills(shop, dice, skus)
    order = shopper.check_out().json()
    back = {"amount": order["total"] // 3, "restock": [{"sku": skus[0], "quantity": 1}]}
    refund = f"/orders/{order['order_id']}/refunds"
    desk = shop.operator().http
    with ThreadPoolExecutor(2) as both:
        told = [both.submit(desk.post, refund, json=back, headers={"Idempotency-Key": "r"}) for _ in range(2)]
    assert {answer.result().status_code for answer in told} <= {201, 202}


DOINGS: tuple[Callable[[Shop, random.Random, Sequence[str]], None], ...] = (
    pays_and_tries_again,
    pays_two_carts,
    wants_the_last_one,
    sends_it_back,
)


def crowd(stack: RunningStack, seed: int, skus: Sequence[str]) -> None:
    """One after another does something, each crowd in another order."""
    dice = random.Random(seed)
    with Shop(stack) as shop:
        for step in range(ROUNDS):
            DOINGS[(seed + step) % len(DOINGS)](shop, dice, skus)


def checked_while(stack: RunningStack, crowds: list[Future[None]]) -> Iterator[Verdict]:
    """Live checks, one after another, for as long as somebody is shopping."""
    while not all(one.done() for one in crowds):
        yield verify_now(books_of(stack), live=True, strict=True)


def test_the_books_of_a_busy_shop_agree_at_every_moment_and_in_the_end(stack: RunningStack, shop: Shop) -> None:
    skus = [shop.goods(stock=1000) for _ in range(3)]
    with ThreadPoolExecutor(SHOPPERS) as pool:
        crowds = [pool.submit(crowd, stack, seed, skus) for seed in range(SHOPPERS)]
        verdicts = list(checked_while(stack, crowds))
        for one in crowds:
            one.result()

    assert [violation for verdict in verdicts for violation in verdict.violations] == []
    assert len(verdicts) >= 10
    # The checks did look at checkouts that were under way, or they would have proven nothing.
    assert any(verdict.counts["pending purchases"] for verdict in verdicts)
    settled = assert_books_agree(stack)
    assert settled.counts["paid purchases"] >= SHOPPERS * ROUNDS
    assert settled.counts["refunds"] >= SHOPPERS
    print(f"{len(verdicts)} live checks, {sum(verdict.counts['pending purchases'] for verdict in verdicts)} under way")
