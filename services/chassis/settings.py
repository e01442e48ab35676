"""The settings that every service has. Environment variables, read once; what is for tests is refused in production."""

import re
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

EVERYBODY = "*"


class Environment(StrEnum):
    """What a process is run for."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


Secret = Annotated[str, Field(repr=False)]
"""No `repr` shows it; production wants it long, of nobody's documentation, and for one purpose only."""

BROWSERS_USE = ("public_url", "oidc_issuer")
SHORTEST_SECRET = 24
FEWEST_CHARACTERS = 10
MARK = re.compile(r"(?:[spr]k_(?:test|live)|whsec)_")
PUBLISHED = re.compile(r"sample|example|placeholder|change.?me|password|default|postgres|insecure", re.IGNORECASE)


class ServiceSettings(BaseSettings):
    """Read from environment variables of the same names in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    environment: Environment = Environment.DEVELOPMENT
    database_url: Annotated[Secret, Field(pattern=r"^postgresql://")]
    database_pool_size: Annotated[int, Field(ge=1)] = 10
    log_format: Literal["json", "human"] = "json"
    log_level: Annotated[str, Field(pattern=r"(?i)^(debug|info|warning|error|critical)$")] = "info"
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

    @property
    def in_production(self) -> bool:
        """Whether nothing that is for development or tests may be reached."""
        return self.environment is Environment.PRODUCTION

    @model_validator(mode="after")
    def _production_wants_secrets_of_its_own(self) -> Self:
        if not self.in_production:
            return self
        purposes: dict[str, str] = {}
        for name, secret in self._secrets().items():
            expect_secret(name, secret)
            if (twin := purposes.setdefault(secret, name)) != name:
                raise ValueError(f"{name} is the same secret as {twin}: give each purpose its own")
        return self

    @model_validator(mode="after")
    def _production_is_https(self) -> Self:
        for name in BROWSERS_USE if self.in_production else ():
            if (address := getattr(self, name, "")) and urlsplit(address).scheme != "https":
                raise ValueError(f"{name.upper()} must be https in production: cookies and cards go there")
        return self

    def _secrets(self) -> dict[str, str]:
        """By what they are called; of the database's URL its password, where it has one."""
        told = {name.upper(): getattr(self, name) for name, field in type(self).model_fields.items() if not field.repr}
        told = {"the password in DATABASE_URL": urlsplit(told.pop("DATABASE_URL")).password or "", **told}
        return {name: secret for name, secret in told.items() if secret}


def expect_secret(name: str, secret: str) -> None:
    """Refuse what somebody could guess or has read somewhere.

    Raises:
        ValueError: why; without the value.
    """
    if PUBLISHED.search(secret):
        raise ValueError(f"{name} holds a sample secret: set your own before going to production")
    chosen = MARK.sub("", secret, count=1)
    if len(chosen) < SHORTEST_SECRET or len(set(chosen)) < FEWEST_CHARACTERS:
        raise ValueError(f"{name} is too short for a secret: {SHORTEST_SECRET} random characters at least")


class ScriptableSettings(ServiceSettings):
    """Of a service that can be told to misbehave (chassis/faults.py)."""

    fault_scripts: bool = False

    @model_validator(mode="after")
    def _no_fault_scripts_in_production(self) -> Self:
        if self.fault_scripts and self.in_production:
            raise ValueError("FAULT_SCRIPTS let a caller break the service on purpose: they cannot be on in production")
        return self


class ProviderSettings(ServiceSettings):
    """Of a service that takes tokens of an OpenID provider. Lists are separated by blanks, the types by commas."""

    oidc_issuer: Annotated[str, Field(pattern=r"^https?://[^/]")]
    oidc_internal_url: str | None = None
    oidc_origins: str = ""
    oidc_audience: str
    oidc_token_types: str = "at+jwt"  # noqa: S105 - a media type
    oidc_introspection_client_id: str = ""
    oidc_introspection_client_secret: Secret = ""
    oidc_privileged_subjects: str = ""

    @model_validator(mode="after")
    def _an_introspecting_client_has_a_secret(self) -> Self:
        if bool(self.oidc_introspection_client_id) != bool(self.oidc_introspection_client_secret):
            raise ValueError("OIDC_INTROSPECTION_CLIENT_ID and OIDC_INTROSPECTION_CLIENT_SECRET need each other")
        return self

    @model_validator(mode="after")
    def _origins_are_origins(self) -> Self:
        schemes = ("https",) if self.in_production else ("https", "http")
        for origin in map(urlsplit, self.oidc_origins.split()):
            if (
                origin.scheme not in schemes
                or not origin.hostname
                or origin.geturl() != f"{origin.scheme}://{origin.netloc}"
            ):
                raise ValueError("OIDC_ORIGINS holds scheme://host[:port] only, and in production https")
        return self
