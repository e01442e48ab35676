"""A shopper's current cart is never one that was bought or deleted, whatever the code does.

Both ends are looked at when a transaction commits: settling and deleting move the pointer after they end the cart. An
edit of a cart fires neither trigger.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE FUNCTION demand_live_current_cart() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- The lock makes whoever moves the pointer meanwhile wait, and then see what has become of the cart.
        PERFORM 1 FROM shoppers s WHERE s.owner_id = NEW.owner_id FOR SHARE;
        PERFORM 1 FROM shoppers s JOIN carts c ON c.owner_id = s.owner_id AND c.cart_id = s.current_cart_id
            WHERE s.owner_id = NEW.owner_id AND c.status IN ('purchased', 'deleted');
        IF FOUND THEN
            RAISE EXCEPTION 'the current cart of % is over', NEW.owner_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE CONSTRAINT TRIGGER current_cart_is_live AFTER UPDATE OF current_cart_id ON shoppers
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION demand_live_current_cart()
    """,
    """
    CREATE CONSTRAINT TRIGGER current_cart_stays_live AFTER UPDATE OF status ON carts
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status IN ('purchased', 'deleted'))
        EXECUTE FUNCTION demand_live_current_cart()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
