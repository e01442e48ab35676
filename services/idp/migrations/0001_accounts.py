"""Accounts, sessions, codes, token families, signing keys."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE accounts (
            account_id uuid PRIMARY KEY,
            username text NOT NULL UNIQUE CHECK (username = lower(username)),
            name text NOT NULL,
            email text,
            password_hash text NOT NULL,
            privileges text NOT NULL DEFAULT '',
            created_at timestamptz NOT NULL
        )
        """
    )
    op.execute(
        """
        CREATE TABLE sessions (
            session_hash bytea PRIMARY KEY,
            account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
            authenticated_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX sessions_account ON sessions (account_id)")
    op.execute("CREATE INDEX sessions_expiry ON sessions (expires_at)")
    op.execute(
        """
        CREATE TABLE token_families (
            family_id uuid PRIMARY KEY,
            client_id text NOT NULL,
            account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
            scope text NOT NULL,
            authenticated_at timestamptz NOT NULL,
            created_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            revoked_at timestamptz,
            revoked_because text,
            CHECK ((revoked_at IS NULL) = (revoked_because IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX token_families_account ON token_families (account_id)")
    op.execute("CREATE INDEX token_families_end ON token_families (ends_at)")
    op.execute(
        """
        CREATE TABLE authorization_codes (
            code_hash bytea PRIMARY KEY,
            client_id text NOT NULL,
            account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
            redirect_uri text NOT NULL,
            scope text NOT NULL,
            nonce text,
            code_challenge text NOT NULL,
            authenticated_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            redeemed_at timestamptz,
            family_id uuid REFERENCES token_families ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            CHECK ((redeemed_at IS NULL) = (family_id IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX authorization_codes_account ON authorization_codes (account_id)")
    op.execute("CREATE INDEX authorization_codes_family ON authorization_codes (family_id)")
    op.execute("CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at)")
    op.execute(
        """
        CREATE TABLE refresh_tokens (
            token_hash bytea PRIMARY KEY,
            family_id uuid NOT NULL REFERENCES token_families ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
            issued_at timestamptz NOT NULL,
            used_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id)")
    op.execute(
        """
        CREATE TABLE revoked_access_tokens (
            jti text PRIMARY KEY,
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX revoked_access_tokens_expiry ON revoked_access_tokens (expires_at)")
    op.execute(
        """
        CREATE TABLE signing_keys (
            generation integer PRIMARY KEY CHECK (generation > 0),
            kid text NOT NULL UNIQUE,
            private_jwk jsonb NOT NULL,
            not_before timestamptz NOT NULL,
            retire_at timestamptz
        )
        """
    )
    op.execute(
        """
        CREATE TABLE sign_in_failures (
            username text NOT NULL,
            address text NOT NULL,
            failures integer NOT NULL,
            window_started_at timestamptz NOT NULL,
            PRIMARY KEY (username, address)
        )
        """
    )
    op.execute("CREATE INDEX sign_in_failures_window ON sign_in_failures (window_started_at)")
