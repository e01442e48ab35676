"""What an operator sets for the controller."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from services.chassis.settings import ProviderSettings, Secret
from services.contracts.shop import MergeChoice


class Settings(ProviderSettings):
    """Two addresses for the provider and for payments: what browsers use, and what this process uses."""

    public_url: str = "http://localhost:8000"
    session_secret: Annotated[Secret, Field(min_length=16)]
    catalog_url: str
    cartdb_url: str
    oidc_audience: str = "controller"
    oidc_client_id: str = "controller"
    oidc_client_secret: Secret
    oidc_scope: str = "openid profile email offline_access operator"
    oidc_resource: str = ""
    oidc_resource_parameter: Literal["resource", "audience"] = "resource"
    oidc_authorize_parameters: str = ""
    payments_url: str
    payments_public_url: str = ""
    payments_secret_key: Secret
    payments_publishable_key: str
    payments_webhook_secret: Secret = ""
    payment_aliases: dict[str, str] = {}
    shop_currency: str = "INR"
    live_streams: Annotated[int, Field(ge=0)] = 2000
    merge_strategy: MergeChoice = MergeChoice.SUM
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
    def _an_id_token_is_no_access_token(self) -> Self:
        kinds = {kind.strip().lower() for kind in self.oidc_token_types.split(",")}
        if "jwt" in kinds and self.oidc_audience == self.oidc_client_id:
            raise ValueError("OIDC_AUDIENCE must not be OIDC_CLIENT_ID, the audience of ID tokens, if types hold JWT")
        return self

    @model_validator(mode="after")
    def _production_is_strict(self) -> Self:
        if self.in_production:
            if self.payment_aliases:
                raise ValueError("PAYMENT_ALIASES are for development: leave it empty in production")
            if urlsplit(self.payments_browser_url).scheme != "https":
                raise ValueError("PAYMENTS_PUBLIC_URL must be https in production: browsers send cards there")
        return self
