"""The questions, in SQL, over the views that each service shows the verifier."""

from dataclasses import dataclass

from .invariants import Invariant

PURCHASES = """
    SELECT p.checkout_id::text, p.owner_id, p.cart_id::text, p.state, p.amount, p.currency, p.intent_id, p.items,
        p.total, p.multiplied, c.status AS cart_status,
        CASE WHEN p.state <> 'failed' THEN (
            SELECT string_agg(l.sku || ' x ' || l.quantity, ', ' ORDER BY l.sku COLLATE "C") FROM verify.lines l
            WHERE l.owner_id = p.owner_id AND l.cart_id = p.cart_id) END AS cart_items,
        p.refunded, (
            SELECT json_agg(json_build_object('refund_id', r.refund_id, 'state', r.state, 'amount', r.amount,
                'currency', r.currency, 'given_as', r.processor_refund_id, 'items', r.items) ORDER BY r.refund_id)
            FROM verify.refunds r WHERE r.owner_id = p.owner_id AND r.checkout_id = p.checkout_id) AS refunds
    FROM verify.purchases p LEFT JOIN verify.carts c ON c.owner_id = p.owner_id AND c.cart_id = p.cart_id
    ORDER BY p.checkout_id
"""
DECISIONS = """
    SELECT d.checkout_id::text, d.state, (
        SELECT json_agg(json_build_object(
            'refund_id', r.refund_id, 'state', r.state, 'given_as', r.processor_refund_id))
        FROM verify.refunds r WHERE r.owner_id = d.owner_id AND r.checkout_id = d.checkout_id) AS refunds
    FROM verify.decisions d ORDER BY d.checkout_id
"""
INTENTS = """
    SELECT i.checkout_id, i.id, i.status, i.amount_received AS received, i.currency, count(c.id)::int AS charges,
        COALESCE(sum(c.captured), 0)::bigint AS captured, COALESCE(sum(c.amount_refunded), 0)::bigint AS refunded, (
            SELECT json_agg(json_build_object('id', r.id, 'refund_id', r.refund_id, 'amount', r.amount,
                'currency', r.currency) ORDER BY r.id)
            FROM verify.refunds r WHERE r.payment_intent = i.id) AS refunds
    FROM verify.intents i LEFT JOIN verify.charges c ON c.payment_intent = i.id
    WHERE i.checkout_id IS NOT NULL
    GROUP BY i.checkout_id COLLATE "C", i.checkout_id, i.id, i.status, i.amount_received, i.currency
    ORDER BY i.checkout_id COLLATE "C"
"""
HOLDS = """
    SELECT h.checkout_id::text, h.state,
        string_agg(l.sku || ' x ' || l.quantity, ', ' ORDER BY l.sku COLLATE "C") AS items, (
            SELECT json_agg(json_build_object('refund_id', b.refund_id, 'items', (
                SELECT string_agg(r.sku || ' x ' || r.quantity, ', ' ORDER BY r.sku COLLATE "C")
                FROM verify.restock_lines r WHERE r.refund_id = b.refund_id)) ORDER BY b.refund_id)
            FROM verify.restocks b WHERE b.checkout_id = h.checkout_id) AS restocks
    FROM verify.holds h LEFT JOIN verify.hold_lines l ON l.checkout_id = h.checkout_id
    GROUP BY h.checkout_id, h.state ORDER BY h.checkout_id
"""
STOCK = """
    SELECT s.sku, s.supplied, s.available, s.held, s.sold,
        COALESCE(moved.held, 0)::bigint AS held_by_holds, COALESCE(moved.sold, 0)::bigint AS sold_by_holds,
        COALESCE(moved.restocked, 0)::bigint AS back_by_holds, COALESCE(back.quantity, 0)::bigint AS back_by_refunds
    FROM verify.skus s LEFT JOIN (
        SELECT l.sku, sum(l.quantity) FILTER (WHERE h.state = 'held') AS held,
            sum(l.quantity) FILTER (WHERE h.state = 'committed') AS sold, sum(l.restocked) AS restocked
        FROM verify.hold_lines l JOIN verify.holds h ON h.checkout_id = l.checkout_id GROUP BY l.sku
    ) AS moved ON moved.sku = s.sku
    LEFT JOIN (
        SELECT sku, sum(quantity) AS quantity FROM verify.restock_lines GROUP BY sku
    ) AS back ON back.sku = s.sku
"""
UNCLAIMED = """
    SELECT i.id, i.status, i.amount, i.currency, count(c.id)::int AS charges,
        COALESCE(sum(c.captured), 0)::bigint AS captured, COALESCE(sum(c.amount_refunded), 0)::bigint AS refunded
    FROM verify.intents i LEFT JOIN verify.charges c ON c.payment_intent = i.id
    WHERE i.checkout_id IS NULL AND i.status IN ('succeeded', 'requires_capture')
    GROUP BY i.id, i.status, i.amount, i.currency
"""
FAILED_WITH = """
    SELECT intent_id, 'order ' || checkout_id || ' of ' || owner_id AS place FROM verify.purchases
    WHERE intent_id = ANY($1::text[]) AND state = 'failed'
"""
WAITED_FOR = """
    SELECT 'purchase, order ' || checkout_id || ' of ' || owner_id AS what, created_at AS since
    FROM verify.decisions WHERE state = 'pending' AND created_at <= $1
    UNION ALL
    SELECT 'refund ' || refund_id || ' of order ' || checkout_id || ' of ' || owner_id, created_at
    FROM verify.refunds WHERE state = 'pending' AND created_at <= $1
    UNION ALL
    SELECT 'adoption, cart ' || cart_id || ' of ' || owner_id || ' to ' || target_owner, updated_at
    FROM verify.carts WHERE status = 'moving' AND updated_at <= $1
"""
SIGN_INS = "SELECT guest_owner, merge_id FROM verify.sign_ins"
LEFT_BEHIND = """
    SELECT c.owner_id, c.cart_id::text AS cart_id, c.status FROM verify.carts c
    WHERE c.owner_id = ANY($1::text[]) AND c.merge_id IS NULL AND c.status IN ('open', 'in_checkout')
"""
UNKNOWN_MERGES = """
    SELECT m.owner_id, m.merge_id::text AS merge_id FROM unnest($1::text[], $2::uuid[]) AS m (owner_id, merge_id)
    WHERE m.merge_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM verify.carts c WHERE c.owner_id = m.owner_id AND c.merge_id = m.merge_id)
"""


@dataclass(frozen=True, slots=True)
class Offence:
    """A question within cartdb that only offenders answer: in each row what is wrong, and where."""

    invariant: Invariant
    query: str


OFFENCES = (
    Offence(
        Invariant.NO_FROZEN_CART,
        """
        SELECT 'the cart is ' || c.status || ', and no purchase of it is ' ||
                CASE c.status WHEN 'purchased' THEN 'paid' ELSE 'pending' END AS what,
            'cart ' || c.cart_id || ' of ' || c.owner_id AS place
        FROM verify.carts c WHERE c.status IN ('in_checkout', 'purchased') AND NOT EXISTS (
            SELECT FROM verify.decisions p WHERE p.owner_id = c.owner_id AND p.cart_id = c.cart_id
                AND p.state IN ('pending', 'paid'))
        """,
    ),
    Offence(
        Invariant.ONE_PURCHASE_PER_CART,
        """
        SELECT 'orders ' || string_agg(checkout_id || ' (' || state || ')', ', ') AS what,
            'cart ' || cart_id || ' of ' || owner_id AS place
        FROM verify.decisions WHERE state IN ('pending', 'paid') GROUP BY owner_id, cart_id HAVING count(*) > 1
        """,
    ),
    Offence(
        Invariant.CURRENT_CART,
        """
        SELECT 'the current cart ' || s.current_cart_id || ' is ' || COALESCE(c.status, 'not theirs') AS what,
            'shopper ' || s.owner_id AS place
        FROM verify.shoppers s
        LEFT JOIN verify.carts c ON c.owner_id = s.owner_id AND c.cart_id = s.current_cart_id
        WHERE c.status IS NULL OR c.status IN ('purchased', 'deleted')
        """,
    ),
    Offence(
        Invariant.VERSION_COUNTS_EDITS,
        """
        SELECT 'the cart is at version ' || c.version || ', its history at ' || h.version AS what,
            'cart ' || c.cart_id || ' of ' || c.owner_id AS place
        FROM verify.carts c JOIN (
            SELECT owner_id, cart_id, max(version) AS version FROM verify.history GROUP BY owner_id, cart_id
        ) AS h ON h.owner_id = c.owner_id AND h.cart_id = c.cart_id
        WHERE c.version < h.version
        """,
    ),
    Offence(
        Invariant.HISTORY_MAKES_LINES,
        """
        WITH emptied AS (
            SELECT owner_id, cart_id, max(entry) AS entry FROM verify.history WHERE action = 'clear'
            GROUP BY owner_id, cart_id
        ), latest AS (
            SELECT DISTINCT ON (h.owner_id, h.cart_id, h.sku) h.owner_id, h.cart_id, h.sku, h.quantity
            FROM verify.history h LEFT JOIN emptied e ON e.owner_id = h.owner_id AND e.cart_id = h.cart_id
            WHERE h.sku IS NOT NULL AND h.entry > COALESCE(e.entry, 0)
            ORDER BY h.owner_id, h.cart_id, h.sku, h.entry DESC
        )
        SELECT COALESCE(l.quantity, 0) || ' of ' || sku || ' in the cart, ' || COALESCE(h.quantity, 0)
                || ' by its history' AS what,
            'cart ' || cart_id || ' of ' || owner_id AS place
        FROM (SELECT * FROM latest WHERE quantity > 0) AS h
        FULL JOIN verify.lines AS l USING (owner_id, cart_id, sku)
        WHERE h.quantity IS DISTINCT FROM l.quantity
        """,
    ),
    Offence(
        Invariant.MOVED_WITH_RECEIPT,
        """
        SELECT 'moved to ' || c.target_owner || ' without a receipt for ' || c.merge_id AS what,
            'cart ' || c.cart_id || ' of ' || c.owner_id AS place
        FROM verify.carts c WHERE c.status = 'moved'
            AND EXISTS (SELECT FROM verify.lines l WHERE l.owner_id = c.owner_id AND l.cart_id = c.cart_id)
            AND NOT EXISTS (
                SELECT FROM verify.receipts r WHERE r.owner_id = c.target_owner AND r.merge_id = c.merge_id)
        """,
    ),
    Offence(
        Invariant.RECEIPT_OF_A_CART,
        """
        SELECT 'no cart of ' || r.guest_owner || ' was frozen for it' AS what,
            'receipt ' || r.merge_id || ' of ' || r.owner_id AS place
        FROM verify.receipts r WHERE NOT EXISTS (
            SELECT FROM verify.carts c WHERE c.owner_id = r.guest_owner AND c.merge_id = r.merge_id
                AND c.status IN ('moving', 'moved'))
        """,
    ),
    Offence(
        Invariant.MERGED_ONCE,
        """
        SELECT 'applied to ' || string_agg(owner_id, ' and ') AS what, 'merge ' || merge_id AS place
        FROM verify.receipts GROUP BY merge_id HAVING count(*) > 1
        """,
    ),
    Offence(
        Invariant.RECEIPT_HOLDS_ALL,
        """
        SELECT COALESCE(l.quantity, 0) || ' of ' || sku || ' in the guest''s cart, ' || COALESCE(r.quantity, 0)
                || ' on the receipt' AS what,
            'merge ' || merge_id || ' of ' || guest_owner AS place
        FROM (
            SELECT c.owner_id AS guest_owner, c.merge_id, l.sku, sum(l.quantity) AS quantity
            FROM verify.lines l JOIN verify.carts c ON c.owner_id = l.owner_id AND c.cart_id = l.cart_id
            JOIN verify.receipts r ON r.owner_id = c.target_owner AND r.merge_id = c.merge_id
            WHERE c.status IN ('moving', 'moved') GROUP BY 1, 2, 3
        ) AS l FULL JOIN (
            SELECT r.guest_owner, r.merge_id, r.sku, sum(r.guest_quantity) AS quantity
            FROM verify.receipt_lines r WHERE EXISTS (
                SELECT FROM verify.carts c WHERE c.owner_id = r.guest_owner AND c.merge_id = r.merge_id
                    AND c.target_owner = r.owner_id AND c.status IN ('moving', 'moved'))
            GROUP BY 1, 2, 3
        ) AS r USING (guest_owner, merge_id, sku) AS told
        WHERE l.quantity IS DISTINCT FROM r.quantity AND NOT EXISTS (
            SELECT FROM verify.carts e
            WHERE e.owner_id = told.guest_owner AND e.merge_id = told.merge_id AND e.emptied_at IS NOT NULL)
        """,
    ),
)

COUNTS = {
    "carts": "SELECT count(*) FROM verify.carts",
    "shoppers": "SELECT count(*) FROM verify.shoppers",
    "merges": "SELECT count(*) FROM verify.receipts",
}
