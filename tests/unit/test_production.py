"""ENVIRONMENT=production: no service starts with what somebody could guess, nor shows what is for development."""

import importlib
import re
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from services.chassis.serve import in_one_line
from services.local.settings import SERVICES, placeholder_secrets
from tests.production import SETTINGS, settings_of
from tests.serving import with_state

DATABASE = "postgresql://{service}_app:{password}@db/{service}"
SECRETS = [
    (service, name)
    for service in SERVICES
    for name, field in type(settings_of(service)).model_fields.items()
    if not field.repr and name != "database_url"
]
PREFIXES = {"payments_secret_key": "sk_test_", "payments_webhook_secret": "whsec_"}
BAD_SECRETS = {
    "a sample": "sample-9Kx2Vm7Qz4Tb8Wc1Rj5Ln",
    "what make openapi uses": placeholder_secrets()["SESSION_SECRET"],
    "an example": "an-example-of-32-characters-0123",
    "to be changed": "please-change-me-1234567890-abc",
    "a word": "password1234567890ABCDEFGH",
    "too short": "Kx2Vm7Qz4Tb8Wc1Rj5Ln",
    "one character": "k" * 40,
}


def refusal(service: str, **changed: Any) -> str:
    """Why it does not start; without any secret."""
    if "payments_webhook_secret" in changed and service == "payments":
        changed["webhook_url"] = "https://shop.test/webhooks/payments"
    with pytest.raises(ValidationError) as refused:
        settings_of(service, **changed)
    told = str(refused.value)
    given = SETTINGS[service] | changed
    assert [name for name, _ in secrets_of(service) if len(str(given.get(name, ""))) > 8 and given[name] in told] == []
    return told


def secrets_of(service: str) -> list[tuple[str, Any]]:
    fields = type(settings_of(service)).model_fields
    return [(name, field) for name, field in fields.items() if not field.repr]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_secrets_of_its_own_and_shows_none(service: str) -> None:
    settings = settings_of(service)

    shown = f"{settings!r} {settings}"
    assert [name for name, _ in secrets_of(service) if (value := getattr(settings, name)) and value in shown] == []
    assert len(secrets_of(service)) >= 1


def test_every_setting_that_is_a_secret_by_its_name_is_treated_as_one() -> None:
    named = {
        (service, name)
        for service in SERVICES
        for name in type(settings_of(service)).model_fields
        if re.search(r"_secret$|secret_key$|password", name)
    }

    assert len(named) >= 8
    assert named == set(SECRETS)


@pytest.mark.parametrize("bad", BAD_SECRETS)
@pytest.mark.parametrize(("service", "name"), SECRETS)
def test_a_secret_that_could_be_guessed_is_refused(service: str, name: str, bad: str) -> None:
    told = refusal(service, **{name: PREFIXES.get(name, "") + BAD_SECRETS[bad]})

    assert f"{name.upper()} " in told


@pytest.mark.parametrize(
    "password", ["postgres", "idp_app", "short", *BAD_SECRETS.values()], ids=lambda password: password[:8]
)
@pytest.mark.parametrize("service", SERVICES)
def test_a_default_database_password_is_refused(service: str, password: str) -> None:
    told = refusal(service, database_url=DATABASE.format(service=service, password=password))

    assert "the password in DATABASE_URL " in told


@pytest.mark.parametrize(
    ("service", "name", "twin"),
    [
        ("idp", "catalog_client_secret", "oidc_client_secret"),
        ("controller", "session_secret", "oidc_client_secret"),
        ("controller", "session_secret", "payments_secret_key"),
        ("payments", "fingerprint_secret", "payments_secret_key"),
    ],
)
def test_one_secret_for_two_purposes_is_refused(service: str, name: str, twin: str) -> None:
    told = refusal(service, **{name: SETTINGS[service][twin]})

    assert "is the same secret as" in told
    assert name.upper() in told
    assert twin.upper() in told


def test_a_secret_that_is_the_databases_password_too_is_refused() -> None:
    shared = SETTINGS["controller"]["session_secret"]

    told = refusal("controller", database_url=DATABASE.format(service="controller", password=shared))

    assert "is the same secret as" in told


@pytest.mark.parametrize(
    ("service", "changed", "named"),
    [
        ("idp", {"fault_scripts": True}, "FAULT_SCRIPTS"),
        ("payments", {"fault_scripts": True}, "FAULT_SCRIPTS"),
        ("idp", {"demo_accounts": True}, "DEMO_ACCOUNTS"),
        ("controller", {"payment_aliases": {"card": "pm_card_visa"}}, "PAYMENT_ALIASES"),
        ("controller", {"public_url": "http://shop.test"}, "PUBLIC_URL"),
        ("controller", {"payments_public_url": "http://pay.shop.test"}, "PAYMENTS_PUBLIC_URL"),
        ("controller", {"payments_public_url": ""}, "PAYMENTS_PUBLIC_URL"),
        ("payments", {"public_url": "http://shop.test"}, "PUBLIC_URL"),
        ("idp", {"public_url": "http://shop.test"}, "PUBLIC_URL"),
        *(
            (service, {"oidc_issuer": "http://id.shop.test"}, "OIDC_ISSUER")
            for service in SERVICES
            if service != "payments"
        ),
    ],
)
def test_what_is_for_development_is_refused(service: str, changed: dict[str, Any], named: str) -> None:
    assert f"{named} " in refusal(service, **changed)


@pytest.mark.parametrize("service", SERVICES)
def test_development_takes_the_same_with_weak_secrets(service: str) -> None:
    fields = type(settings_of(service)).model_fields
    required = [name for of, name in SECRETS if of == service and fields[name].is_required()]
    weak = {name: PREFIXES.get(name, "") + "sample" * 4 for name in required}

    settings_of(service, environment="development", database_url="postgresql://postgres:postgres@db/x", **weak)


# --- what only development shows

EXPLORED = ("/docs", "/docs/init.js", "/docs/assets/swagger-ui.css", "/openapi.json", "/metrics")
OF_CONTROLLER = ("/docs/payments", "/docs/openapi/payments.json")


async def status_of(service: str, path: str, environment: str) -> int:
    create = importlib.import_module(f"services.{service}.app").create_app
    settings = settings_of(service, environment=environment)
    transport = httpx.ASGITransport(with_state(create(settings), {"settings": settings}), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.test") as client:
        return (await client.get(path)).status_code


@pytest.mark.parametrize(
    ("service", "path"),
    [
        *((service, path) for service in SERVICES for path in EXPLORED),
        *(("controller", path) for path in OF_CONTROLLER),
    ],
)
async def test_a_public_port_in_production_explains_and_counts_nothing(service: str, path: str) -> None:
    statuses = {name: await status_of(service, path, name) for name in ("development", "production")}

    assert statuses == {"development": 200, "production": 404}


@pytest.mark.parametrize("service", SERVICES)
async def test_in_production_health_stays_and_nothing_is_there_for_tests(service: str) -> None:
    assert await status_of(service, "/health/live", "production") == 200
    assert await status_of(service, "/_test/faults", "production") == 404


async def test_what_a_refusals_type_leads_to_stays_in_production() -> None:
    assert await status_of("controller", "/docs/problems", "production") == 200


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("database_pool_size", 0),
        ("database_url", "mysql://catalog_app:a-long-password-of-its-own@db/catalog"),
        ("oidc_issuer", "login.example"),
    ],
)
def test_a_value_that_nothing_can_be_done_with_is_named_at_the_start(name: str, bad: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        settings_of("catalog", **{name: bad})

    told = in_one_line(refused.value)
    assert told.startswith(f"{name.upper()}: ")
    assert str(bad) not in told
