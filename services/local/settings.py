"""What a local stack tells each of its services: addresses that follow the port offset, and the secrets of one file."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from services.chassis.settings import EVERYBODY

from .processes import StartError

REPOSITORY = Path(__file__).resolve().parents[2]
PORTS = {"controller": 8000, "catalog": 8001, "cartdb": 8002, "idp": 8003, "payments": 8004}
SERVICES = tuple(PORTS)
TAKERS = ("controller", "catalog", "cartdb")
POSTGRES_PORT = 8005

Secrets = dict[str, str]


def read_env(file: Path) -> Secrets:
    """The lines NAME=value of a file."""
    lines = (line.strip() for line in file.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def secrets_in(file: Path) -> Secrets:
    """The secrets of a stack, made now if the file lacks any.

    Raises:
        StartError: the file cannot be written.
    """
    made = subprocess.run(
        ["sh", str(REPOSITORY / "deploy" / "make-env"), str(file)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise StartError(f"The secrets cannot be written to {file}: {' '.join(made.stderr.split())}")
    return read_env(file)


def placeholder_secrets() -> Secrets:
    """Values that open nothing, for programs that only look at a service's shape."""
    names = ("OIDC_CLIENT_SECRET", "CATALOG_CLIENT_SECRET", "SESSION_SECRET", "FINGERPRINT_SECRET")
    keys = {
        "PAYMENTS_SECRET_KEY": "sk_test_placeholder",
        "PAYMENTS_PUBLISHABLE_KEY": "pk_test_placeholder",
        "PAYMENTS_WEBHOOK_SECRET": "whsec_placeholder",
    }
    return {**dict.fromkeys(names, "placeholder" * 4), **keys}


@dataclass(frozen=True)
class Addresses:
    """Where the services of one stack answer."""

    offset: int = 0

    def port(self, service: str) -> int:
        """The service's own port."""
        return PORTS[service] + self.offset

    @property
    def postgres_port(self) -> int:
        """The embedded server's port."""
        return POSTGRES_PORT + self.offset

    def inside(self, service: str) -> str:
        """The address that neighbours use."""
        return f"http://127.0.0.1:{self.port(service)}"

    def public(self, service: str) -> str:
        """The address that browsers and tokens know."""
        return f"http://localhost:{self.port(service)}"


def settings_of(
    service: str, *, addresses: Addresses, secrets: Secrets, database_url: str, environment: str, log_level: str
) -> dict[str, str]:
    """The environment variables of one service; a line of the secrets' file wins, and the shell wins over both."""
    settings = {**_common(service), **_own(service, addresses, secrets)}
    if service == "controller" and environment == "test":
        settings |= {"RECONCILE_AFTER_SECONDS": "3", "RECONCILE_EVERY_SECONDS": "1"}
    given = {name: value for source in (secrets, os.environ) for name, value in source.items()}
    chosen = {name: value for name, value in given.items() if name in settings or _is_about_tokens(service, name)}
    if chosen.get("OIDC_ISSUER", addresses.public("idp")) != addresses.public("idp"):
        # Another provider may grant any scope to whoever asks for it.
        settings["OIDC_PRIVILEGED_SUBJECTS"] = ""
    return {
        **settings,
        **chosen,
        "DATABASE_URL": database_url,
        "ENVIRONMENT": environment,
        "HOST": "127.0.0.1",
        "LOG_FORMAT": "human",
        "LOG_LEVEL": log_level,
    }


def _is_about_tokens(service: str, name: str) -> bool:
    """Whether somebody who uses another provider may have set it for this service."""
    return service in TAKERS and name.startswith("OIDC_") and name != "OIDC_CLIENT_SECRET"


def _common(service: str) -> dict[str, str]:
    return {} if service in {"idp", "payments"} else {"SHOP_CURRENCY": "INR"}


def _own(service: str, addresses: Addresses, secrets: Secrets) -> dict[str, str]:
    issuer = {"OIDC_ISSUER": addresses.public("idp")}
    taker = {**issuer, "OIDC_PRIVILEGED_SUBJECTS": EVERYBODY}
    shop = {"PUBLIC_URL": addresses.public("controller")}
    shared = ("PAYMENTS_SECRET_KEY", "PAYMENTS_PUBLISHABLE_KEY", "PAYMENTS_WEBHOOK_SECRET")
    payments = {name: secrets[name] for name in shared}
    client = {"OIDC_CLIENT_SECRET": secrets["OIDC_CLIENT_SECRET"]}
    match service:
        case "controller":
            return {
                **taker,
                **shop,
                **payments,
                **client,
                "OIDC_CLIENT_ID": "controller",
                "SESSION_SECRET": secrets["SESSION_SECRET"],
                "CATALOG_URL": addresses.inside("catalog"),
                "CARTDB_URL": addresses.inside("cartdb"),
                "PAYMENTS_URL": addresses.inside("payments"),
                "PAYMENTS_PUBLIC_URL": addresses.public("payments"),
                "PAYMENT_ALIASES": '{"razorpay": "pm_card_visa", "card": "pm_card_visa"}',
            }
        case "idp":
            editor = {"CATALOG_CLIENT_SECRET": secrets["CATALOG_CLIENT_SECRET"]}
            return {**issuer, **shop, **client, **editor, "DEMO_ACCOUNTS": "true", "FAULT_SCRIPTS": "false"}
        case "payments":
            told = {"WEBHOOK_URL": f"{addresses.inside('controller')}/webhooks/payments", "FAULT_SCRIPTS": "false"}
            return {**shop, **payments, **told, "FINGERPRINT_SECRET": secrets["FINGERPRINT_SECRET"]}
        case _:
            return taker
