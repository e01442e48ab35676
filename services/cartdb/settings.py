"""What an operator sets for cartdb."""

from typing import Annotated

from pydantic import Field

from services.chassis.settings import ProviderSettings


class Settings(ProviderSettings):
    """Limits refuse a change with 422; the idle days end a cart that nobody touches."""

    oidc_audience: str = "cartdb"
    shop_currency: str = "INR"
    max_quantity: int = 999
    max_lines: int = 200
    max_open_carts: int = 20
    guest_idle_days: Annotated[int, Field(ge=1)] = 30
    user_idle_days: Annotated[int, Field(ge=1)] = 90
    upkeep_every_seconds: Annotated[float, Field(gt=0)] = 3600.0
    upkeep_batch: Annotated[int, Field(ge=1)] = 200
