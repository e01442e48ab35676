"""Products, variants, SKUs with their stock, and the holds of checkouts.

One row of `skus` for each SKU that ever was: what it names now (nothing once it is no longer sold) and where its stock
is. Products and variants refer to it with their kind, so that one SKU never names both.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE skus (
            sku text COLLATE "C" PRIMARY KEY,
            kind text CHECK (kind IN ('product', 'variant')),
            supplied bigint NOT NULL DEFAULT 0,
            available bigint NOT NULL DEFAULT 0,
            held bigint NOT NULL DEFAULT 0,
            sold bigint NOT NULL DEFAULT 0,
            CONSTRAINT skus_kind UNIQUE (sku, kind),
            CONSTRAINT skus_never_below_zero CHECK (available >= 0 AND held >= 0 AND sold >= 0),
            CONSTRAINT skus_nothing_is_lost CHECK (supplied = available + held + sold)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE products (
            product_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            sku text COLLATE "C" NOT NULL UNIQUE,
            kind text NOT NULL GENERATED ALWAYS AS ('product') STORED,
            title text NOT NULL,
            description text NOT NULL,
            category text NOT NULL,
            image text,
            price bigint NOT NULL CHECK (price >= 0),
            search_text text NOT NULL,
            FOREIGN KEY (sku, kind) REFERENCES skus (sku, kind)
        )
        """
    )
    op.execute("CREATE INDEX products_by_category ON products (category, sku)")
    op.execute(
        """
        CREATE TABLE variants (
            variant_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            product_id integer NOT NULL REFERENCES products ON DELETE CASCADE,
            sku text COLLATE "C" NOT NULL UNIQUE,
            kind text NOT NULL GENERATED ALWAYS AS ('variant') STORED,
            title text NOT NULL,
            additional_price bigint NOT NULL CHECK (additional_price >= 0),
            FOREIGN KEY (sku, kind) REFERENCES skus (sku, kind)
        )
        """
    )
    op.execute("CREATE INDEX variants_of_product ON variants (product_id, variant_id)")
    op.execute(
        """
        CREATE TABLE holds (
            checkout_id uuid PRIMARY KEY,
            state text NOT NULL CHECK (state IN ('held', 'committed', 'released', 'refused')),
            shortages jsonb NOT NULL DEFAULT '[]',
            created_at timestamptz NOT NULL DEFAULT now(),
            decided_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX holds_undecided ON holds (created_at) WHERE state = 'held'")
    op.execute(
        """
        CREATE TABLE hold_lines (
            checkout_id uuid NOT NULL REFERENCES holds,
            sku text COLLATE "C" NOT NULL REFERENCES skus,
            quantity bigint NOT NULL CHECK (quantity > 0),
            PRIMARY KEY (checkout_id, sku)
        )
        """
    )
