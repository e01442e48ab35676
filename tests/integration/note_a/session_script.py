# The example client of origin note a, word for word: it must run unchanged but for BASE_URL (see test_note_a.py).
import requests

# Replace with your actual base URL and endpoint paths
BASE_URL = "http://localhost:8000"

with requests.Session() as s:
    # Add the first item (e.g., "apple")
    r1 = s.post(f"{BASE_URL}/cart/items", json={"sku": "apple"})
    r1.raise_for_status()
    data1 = r1.json()
    cart_id1 = data1["cart_id"]
    print("Cart after first add:", data1)

    # Add the second item (e.g., "banana") using the same session
    r2 = s.post(f"{BASE_URL}/cart/items", json={"sku": "banana"})
    r2.raise_for_status()
    data2 = r2.json()
    cart_id2 = data2["cart_id"]
    print("Cart after second add:", data2)

    # The cart_id should be the same across requests
    assert cart_id1 == cart_id2

    # Fetch the cart to see accumulated items
    r3 = s.get(f"{BASE_URL}/cart")
    r3.raise_for_status()
    cart = r3.json()
    print("Final cart:", cart)
    assert {item["sku"] for item in cart["items"]} == {"apple", "banana"}
