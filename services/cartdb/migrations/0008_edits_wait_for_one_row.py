"""An edit that finds the current cart bought or deleted looks for the next one without a lock on the shopper.

It holds the row of the cart that is gone, and whoever deletes or settles locks the shopper first and a cart second:
each would wait for the other until the database ended one of them. The pointer has moved on in the same transaction
that ended the cart, so a second look finds it. Only this place of the function changes, whatever else it has become.
"""

from alembic import op

revision = "0008"
down_revision = "0004"

LOOK_AGAIN = """
    DO $patch$
    DECLARE
        v_found constant text :=
            E'EXIT WHEN FOUND AND (p_cart IS NOT NULL OR v_row.status NOT IN (''purchased'', ''deleted''));';
        v_again constant text := E'CONTINUE WHEN FOUND;';
        v_before constant text := pg_get_functiondef('edit_cart'::regproc);
        v_after constant text := replace(v_before, v_found, v_found || E'\\n                ' || v_again);
    BEGIN
        IF position(v_again IN v_before) > 0 THEN
            RETURN;
        END IF;
        ASSERT v_after <> v_before, 'edit_cart has no such place';
        EXECUTE v_after;
    END
    $patch$
"""


def upgrade() -> None:
    op.execute(LOOK_AGAIN)
