"""What catalog is told by its environment."""

from typing import Annotated

from pydantic import Field

from services.chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from environment variables of the same names in capitals."""

    oidc_issuer: str
    oidc_internal_url: str | None = None
    oidc_audience: str = "catalog"
    oidc_token_types: str = "at+jwt"  # noqa: S105 - a media type
    shop_currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "INR"
