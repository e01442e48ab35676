"""Origin note e, "Payment Integration": the cart's shape, no payment of nothing, an order made of the cart's lines."""

from uuid import uuid4

from .customer import Customer, exactly
from .shop_client import Shop

CART = {"id", "owner", "items", "items_count", "total_items", "total_price", "has_unavailable_items", "updated_at"}
LINE = {"id", "product", "variant", "quantity", "unit_price", "total_price", "available"}
PAYMENT = {"payment_id", "order_id", "cart_id", "status", "amount", "currency"}


def test_the_cart_that_a_payment_reads_has_every_member_of_the_note(customer: Customer) -> None:
    cart = customer.add("apple", 2)

    assert set(cart) >= CART
    assert set(cart["items"][0]) >= LINE
    assert cart["items_count"] == len(cart["items"])


def test_after_a_payment_the_cart_is_empty_and_blocks_the_next_one(shop: Shop, customer: Customer) -> None:
    total = customer.browser.add(shop.goods())["total_price"]
    paid = customer.pay()

    again = customer.pay()

    assert (paid.status_code, again.status_code) == (201, 400)
    assert again.json()["cart_id"] == customer.cart()["id"] != paid.json()["cart_id"]
    assert len(shop.charges(total)) == 1


def test_an_order_has_the_lines_and_the_total_of_its_cart(shop: Shop, customer: Customer) -> None:
    for sku, quantity in ((shop.goods(price=1999), 3), (shop.goods(price=500), 1)):
        customer.add(sku, quantity)
    cart = customer.cart()

    payment = customer.pay()

    assert payment.status_code == 201, payment.text
    assert set(payment.json()) == PAYMENT
    assert exactly(payment)["amount"] == cart["total_price"]
    order = customer.browser.read(f"/orders/{payment.json()['order_id']}")
    assert (order["cart_id"], order["status"], order["total"]) == (cart["id"], "paid", 6497)
    bought = {line["sku"]: (line["quantity"], line["line_total"]) for line in order["items"]}
    assert bought == {line["sku"]: (line["quantity"], int(line["line_total"] * 100)) for line in cart["items"]}


def test_a_declined_payment_makes_no_order_and_keeps_the_cart(shop: Shop, customer: Customer) -> None:
    cart = customer.add(shop.goods(), 2)

    declined = customer.pay(payment_method="pm_card_chargeDeclined")

    assert (declined.status_code, declined.json()["error"]) == (402, declined.json()["message"])
    assert (customer.cart()["id"], customer.lines()) == (cart["id"], {cart["items"][0]["id"]: 2})
    assert customer.pay().status_code == 201


def test_a_payment_repeated_under_its_key_is_the_same_payment(shop: Shop, customer: Customer) -> None:
    total = customer.browser.add(shop.goods())["total_price"]
    key = str(uuid4())

    first, second = customer.pay(key), customer.pay(key)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert len(shop.charges(total)) == 1
