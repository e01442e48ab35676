"""The settings that every service has. Environment variables, read once; what is for tests is refused in production."""

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

EVERYBODY = "*"


class Environment(StrEnum):
    """What a process is run for."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class ServiceSettings(BaseSettings):
    """Read from environment variables of the same names in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    environment: Environment = Environment.DEVELOPMENT
    database_url: str
    database_pool_size: int = 10
    log_format: str = "json"
    log_level: str = "info"
    trusted_proxies: str = ""

    @property
    def proxies(self) -> list[str]:
        """The addresses and networks whose word on a request's client is taken."""
        return [address.strip() for address in self.trusted_proxies.split(",") if address.strip()]

    @field_validator("trusted_proxies")
    @classmethod
    def _are_a_few_addresses(cls, value: str) -> str:
        for address in filter(None, map(str.strip, value.split(","))):
            if ip_network(address).prefixlen == 0:
                raise ValueError("must not trust everybody: name the proxy's own address")
        return value

    @model_validator(mode="after")
    def _no_sample_secrets_in_production(self) -> Self:
        if self.environment is Environment.PRODUCTION:
            for name, value in self:
                if isinstance(value, str) and "sample" in value:
                    raise ValueError(f"{name.upper()} holds a sample secret: set your own before going to production")
        return self


class ScriptableSettings(ServiceSettings):
    """Of a service that can be told to misbehave (chassis/faults.py)."""

    fault_scripts: bool = False

    @model_validator(mode="after")
    def _no_fault_scripts_in_production(self) -> Self:
        if self.fault_scripts and self.environment is Environment.PRODUCTION:
            raise ValueError("FAULT_SCRIPTS let a caller break the service on purpose: they cannot be on in production")
        return self


class ProviderSettings(ServiceSettings):
    """Of a service that takes tokens of an OpenID provider. Lists are separated by blanks, the types by commas."""

    oidc_issuer: str
    oidc_internal_url: str | None = None
    oidc_origins: str = ""
    oidc_audience: str
    oidc_token_types: str = "at+jwt"  # noqa: S105 - a media type
    oidc_introspection_client_id: str = ""
    oidc_introspection_client_secret: Annotated[str, Field(repr=False)] = ""
    oidc_privileged_subjects: str = ""

    @model_validator(mode="after")
    def _an_introspecting_client_has_a_secret(self) -> Self:
        if bool(self.oidc_introspection_client_id) != bool(self.oidc_introspection_client_secret):
            raise ValueError("OIDC_INTROSPECTION_CLIENT_ID and OIDC_INTROSPECTION_CLIENT_SECRET need each other")
        return self

    @model_validator(mode="after")
    def _origins_are_origins(self) -> Self:
        schemes = ("https",) if self.environment is Environment.PRODUCTION else ("https", "http")
        for origin in map(urlsplit, self.oidc_origins.split()):
            if (
                origin.scheme not in schemes
                or not origin.hostname
                or origin.geturl() != f"{origin.scheme}://{origin.netloc}"
            ):
                raise ValueError("OIDC_ORIGINS holds scheme://host[:port] only, and in production https")
        return self

    @model_validator(mode="after")
    def _production_trusts_nobody_by_plain_http(self) -> Self:
        if self.environment is Environment.PRODUCTION and urlsplit(self.oidc_issuer).scheme != "https":
            raise ValueError("OIDC_ISSUER must be https in production; OIDC_INTERNAL_URL may differ")
        return self
