"""What an operator sets for cartdb."""

from services.chassis.settings import ProviderSettings


class Settings(ProviderSettings):
    """Limits refuse a change with 422; the idle days end a cart that nobody touches."""

    oidc_audience: str = "cartdb"
    shop_currency: str = "INR"
    max_quantity: int = 999
    max_lines: int = 200
    max_open_carts: int = 20
    guest_idle_days: int = 30
    user_idle_days: int = 90
