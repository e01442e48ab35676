"""Origin note e, "Edge Cases": carts that are not there, carts in plenty, and rows that hang together."""

import uuid

import asyncpg
import pytest

from .customer import Customer
from .shop_client import Shop


def test_a_cart_that_never_was_is_not_found_and_the_current_one_goes_on(customer: Customer) -> None:
    customer.add("apple")

    refused = customer.refused("POST", f"/carts/{uuid.uuid4()}/items", json={"sku": "banana"})

    assert refused == (404, "cart_not_found")
    assert customer.lines() == {"apple": 1}


def test_a_cart_that_was_deleted_is_not_found_and_a_new_empty_one_follows(customer: Customer) -> None:
    gone = customer.add("apple")["id"]

    deleted = customer.browser.http.delete(f"/carts/{gone}")

    assert deleted.status_code == 204
    for method, path in (("GET", ""), ("PUT", "/items/apple"), ("POST", "/activate")):
        body = {"json": {"quantity": 1}} if method == "PUT" else {}
        assert customer.refused(method, f"/carts/{gone}{path}", **body) == (404, "cart_not_found")
    assert (customer.cart()["id"] != gone, customer.lines()) == (True, {})
    assert customer.add("banana")["total_items"] == 1


def test_many_carts_are_cleaned_up_to_one_and_there_is_always_a_current_one(customer: Customer) -> None:
    customer.add("apple")
    for number in range(4):
        customer.browser.http.post("/carts", json={"name": f"List {number}"}).raise_for_status()
        customer.add("banana")
    carts = customer.browser.read("/carts")["carts"]
    assert len(carts) == 5

    for left, cart in enumerate(carts, start=-len(carts)):
        assert customer.browser.http.delete(f"/carts/{cart['cart_id']}").status_code == 204
        listed = customer.browser.read("/carts")["carts"]
        assert cart["cart_id"] not in {other["cart_id"] for other in listed}
        assert sum(other["current"] for other in listed) <= 1
        assert len(listed) in {-left - 1, -left}

    assert customer.lines() == {}
    assert customer.add("mango")["total_items"] == 1
    assert len(customer.browser.read("/carts")["carts"]) == 1


async def test_a_deleted_carts_lines_are_out_of_reach_and_no_line_is_without_a_cart(
    shop: Shop, customer: Customer
) -> None:
    cart = customer.add("apple")
    customer.browser.http.delete(f"/carts/{cart['id']}").raise_for_status()

    orphans = await shop.rows(
        "cartdb",
        "SELECT FROM lines LEFT JOIN carts USING (owner_id, cart_id) WHERE carts.cart_id IS NULL AND owner_id = $1",
        cart["owner"]["id"],
    )

    assert orphans == []
    assert customer.refused("GET", f"/carts/{cart['id']}") == (404, "cart_not_found")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO lines (owner_id, cart_id, sku, product_id, quantity, added_price) VALUES ($1, $2, 'x', 1, 1, 1)",
        "INSERT INTO carts (owner_id, cart_id, currency, expires_at) VALUES ('user:nobody' || $1, $2, 'INR', now())",
        "INSERT INTO lines SELECT l.* FROM lines l WHERE owner_id = $1 AND cart_id <> $2",
    ],
    ids=["a line without a cart", "a cart without a shopper", "a second line of one item"],
)
async def test_the_database_itself_refuses_a_row_that_belongs_to_nothing_or_is_there_already(
    shop: Shop, customer: Customer, statement: str
) -> None:
    owner = customer.add("apple")["owner"]["id"]

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await shop.rows("cartdb", statement, owner, uuid.uuid4())

    assert customer.lines() == {"apple": 1}
