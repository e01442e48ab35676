"""What an operator sets in production, for each service: nothing that is for development."""

import importlib
from typing import Any

from services.chassis.settings import ServiceSettings

WEBHOOK_SECRET = "whsec_4Jx0mJq7Yt2vKcW9RbL5sHfDz8"
ENVIRONMENT = {"environment": "production"}
PROVIDER = {"oidc_issuer": "https://id.shop.test", "oidc_internal_url": "http://idp:8003"}
KEYS = {
    "payments_secret_key": "sk_test_Qm2ZkR7vXc4TnB8sWd1Lf6Hy",
    "payments_publishable_key": "pk_test_Ue5GjP3wMa9KxV7rCt2Nb4Dz",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "catalog": ENVIRONMENT | PROVIDER,
    "cartdb": ENVIRONMENT | PROVIDER,
    "idp": ENVIRONMENT
    | {
        "oidc_issuer": "https://id.shop.test",
        "public_url": "https://shop.test",
        "oidc_client_secret": "fK3sV8mQ1xZ6tB9wL4cR7yHpN2",
        "catalog_client_secret": "Ty7Jq2Wn5Lz8Xb3Vc6Mk9Rf4Hs",
    },
    "payments": ENVIRONMENT
    | KEYS
    | {"public_url": "https://shop.test", "fingerprint_secret": "Gd5Zx1Pv8Kq4Nw7Tj2Rm6Yc9Bs"},
    "controller": ENVIRONMENT
    | PROVIDER
    | KEYS
    | {
        "public_url": "https://shop.test",
        "session_secret": "Wb4Hn9Xt2Ls7Qf5Vk8Zc1Rj6My",
        "oidc_client_secret": "fK3sV8mQ1xZ6tB9wL4cR7yHpN2",
        "catalog_url": "http://catalog:8001",
        "cartdb_url": "http://cartdb:8002",
        "payments_url": "http://payments:8004",
        "payments_public_url": "https://pay.shop.test",
    },
}
for name, told in SETTINGS.items():
    told["database_url"] = f"postgresql://{name}_app:Vm3Rk8Tz1Xw6Jc9Qs4Lb7Hf2Np@db/{name}"


def settings_of(service: str, **changed: Any) -> ServiceSettings:
    """Those of a service in production, but for what is changed."""
    kind: type[ServiceSettings] = importlib.import_module(f"services.{service}.settings").Settings
    return kind(**(SETTINGS[service] | changed))
