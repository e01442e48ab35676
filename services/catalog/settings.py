"""What catalog is told by its environment."""

from typing import Annotated

from pydantic import Field

from services.chassis.settings import ProviderSettings


class Settings(ProviderSettings):
    """Read from environment variables of the same names in capitals."""

    oidc_audience: str = "catalog"
    shop_currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "INR"
