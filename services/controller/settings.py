"""What an operator sets for the controller."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from services.chassis.settings import Secret, ServiceSettings


class Settings(ServiceSettings):
    """Two addresses for the provider and for payments: what browsers use, and what this process uses."""

    public_url: str = "http://localhost:8000"
    session_secret: Annotated[Secret, Field(min_length=16)]
    catalog_url: str
    cartdb_url: str
    oidc_issuer: str
    oidc_internal_url: str | None = None
    oidc_audience: str = "controller"
    oidc_token_types: str = "at+jwt"  # noqa: S105 - a media type
    oidc_client_id: str = "controller"
    oidc_client_secret: Secret
    oidc_scope: str = "openid profile email offline_access operator"
    payments_url: str
    payments_public_url: str = ""
    payments_secret_key: Secret
    payments_publishable_key: str
    payments_webhook_secret: Secret = ""
    payment_aliases: dict[str, str] = {}
    shop_currency: str = "INR"
    reconcile_after_seconds: float = 15.0
    reconcile_every_seconds: float = 5.0

    @property
    def https(self) -> bool:
        """Whether browsers come by https; only then are cookies Secure."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def payments_browser_url(self) -> str:
        """Where a browser exchanges a card for a token."""
        return self.payments_public_url or self.payments_url

    @model_validator(mode="after")
    def _a_webhook_secret_is_one(self) -> Self:
        if self.payments_webhook_secret and not self.payments_webhook_secret.startswith("whsec_"):
            raise ValueError("PAYMENTS_WEBHOOK_SECRET must start with whsec_")
        return self

    @model_validator(mode="after")
    def _production_is_strict(self) -> Self:
        if self.in_production:
            if self.payment_aliases:
                raise ValueError("PAYMENT_ALIASES are for development: leave it empty in production")
            if urlsplit(self.payments_browser_url).scheme != "https":
                raise ValueError("PAYMENTS_PUBLIC_URL must be https in production: browsers send cards there")
        return self
