"""The provider's settings."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from services.chassis.settings import ScriptableSettings, Secret


class Settings(ScriptableSettings):
    """`oidc_issuer` is this service's own public address, `public_url` the shop's."""

    oidc_issuer: str
    public_url: str
    oidc_client_secret: Secret
    catalog_client_secret: Secret
    demo_accounts: bool = False

    @field_validator("oidc_issuer", "public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value.rstrip("/"))
        if parts.scheme not in ("http", "https") or parts.geturl() != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("must be an http or https address without a path")
        return parts.geturl()

    @model_validator(mode="after")
    def _no_demo_accounts_in_production(self) -> Self:
        if self.demo_accounts and self.in_production:
            raise ValueError("DEMO_ACCOUNTS have published passwords: they cannot exist in production")
        return self

    @property
    def secure(self) -> bool:
        """Whether browsers reach the provider by https."""
        return self.oidc_issuer.startswith("https://")
