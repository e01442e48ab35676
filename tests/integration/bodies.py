"""A good body for every operation of the shop that takes one."""

from typing import Any

from tests.integration.shop_client import ADDRESS

CHECKOUT = {"payment_method": "pm_card_visa", "email": "asha@example.com", "shipping_address": ADDRESS}
# Bodies that the shop takes, by operation.
BODIES: dict[str, dict[str, Any]] = {
    "add_item": {"sku": "apple"},
    "add_item_to": {"sku": "apple"},
    "set_item": {"quantity": 1},
    "set_item_in": {"quantity": 1},
    "create_cart": {"name": "Mine"},
    "rename_cart": {"name": "Mine"},
    "decide_merge": {"strategy": "sum"},
    "check_out": CHECKOUT,
    "check_out_one": CHECKOUT,
    "refund_order": {"amount": 1},
    "get_description": {"skus": ["apple"]},
    "add_to_cart": {"product_id": 1},
    "set_cart_item": {"quantity": 1},
    "create_payment_from_cart": {name: value for name, value in CHECKOUT.items() if name != "email"},
}
# Its body is another's document, and counts only if it is signed.
SIGNED = {"hear_payments"}
