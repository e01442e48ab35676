"""What an operator sets for payments."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import model_validator

from services.chassis.settings import ScriptableSettings, Secret


class Settings(ScriptableSettings):
    """PUBLIC_URL is the shop's address: its pages alone may exchange a card for a token from a browser."""

    payments_secret_key: Secret
    payments_publishable_key: str
    fingerprint_secret: Secret
    public_url: str
    webhook_url: str = ""
    payments_webhook_secret: Secret = ""

    @property
    def shop_origin(self) -> str:
        """The origin that a browser names for the shop's pages."""
        address = urlsplit(self.public_url)
        return f"{address.scheme}://{address.netloc}"

    @model_validator(mode="after")
    def _the_webhook_has_both_or_none(self) -> Self:
        if bool(self.webhook_url) != bool(self.payments_webhook_secret):
            raise ValueError("WEBHOOK_URL and PAYMENTS_WEBHOOK_SECRET belong together: set both or none")
        if self.webhook_url and urlsplit(self.webhook_url).scheme not in {"http", "https"}:
            raise ValueError("WEBHOOK_URL must be an http or https address")
        if self.payments_webhook_secret and not self.payments_webhook_secret.startswith("whsec_"):
            raise ValueError("PAYMENTS_WEBHOOK_SECRET must start with whsec_")
        return self

    @model_validator(mode="after")
    def _keys_are_of_their_kind(self) -> Self:
        if not self.payments_secret_key.startswith("sk_"):
            raise ValueError("PAYMENTS_SECRET_KEY must start with sk_")
        if not self.payments_publishable_key.startswith("pk_"):
            raise ValueError("PAYMENTS_PUBLISHABLE_KEY must start with pk_")
        return self
