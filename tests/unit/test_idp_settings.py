"""What the provider refuses to start with."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.idp.settings import Settings
from tests.production import SETTINGS

GOOD: dict[str, Any] = SETTINGS["idp"] | {"public_url": "https://shop.test/"}


def test_a_production_start_with_secrets_of_its_own_is_fine() -> None:
    settings = Settings(**GOOD)

    assert settings.public_url == "https://shop.test"
    assert settings.demo_accounts is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"demo_accounts": True},
        {"oidc_client_secret": "sample-secret"},
        {"catalog_client_secret": "sample-secret"},
        {"oidc_issuer": "https://id.shop.test/path"},
        {"oidc_issuer": "id.shop.test"},
        {"oidc_issuer": "ftp://id.shop.test"},
        {"public_url": "https://shop.test/?a=b"},
    ],
)
def test_a_published_password_a_sample_secret_or_a_wrong_address_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**{**GOOD, **wrong})
