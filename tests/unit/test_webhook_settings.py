"""What payments and the controller refuse to start with, as far as webhooks go."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.chassis.settings import ServiceSettings
from services.controller.settings import Settings as ControllerSettings
from services.payments.settings import Settings as PaymentsSettings
from tests.production import SETTINGS, WEBHOOK_SECRET

PAYMENTS, CONTROLLER = SETTINGS["payments"], SETTINGS["controller"]
GOOD: dict[str, Any] = {
    "webhook_url": "http://controller:8000/webhooks/payments",
    "payments_webhook_secret": WEBHOOK_SECRET,
}


@pytest.mark.parametrize(("kind", "usual"), [(PaymentsSettings, PAYMENTS), (ControllerSettings, CONTROLLER)])
def test_a_start_with_or_without_a_webhook_is_fine_and_shows_no_secret(
    kind: type[ServiceSettings], usual: dict[str, Any]
) -> None:
    kind(**usual)

    assert WEBHOOK_SECRET not in repr(kind(**usual, **GOOD))


@pytest.mark.parametrize(
    ("kind", "usual", "wrong"),
    [
        (PaymentsSettings, PAYMENTS, {"webhook_url": GOOD["webhook_url"]}),
        (PaymentsSettings, PAYMENTS, {"payments_webhook_secret": WEBHOOK_SECRET}),
        (PaymentsSettings, PAYMENTS, GOOD | {"webhook_url": "controller:8000/webhooks"}),
        (PaymentsSettings, PAYMENTS, GOOD | {"payments_webhook_secret": "mine"}),
        (PaymentsSettings, PAYMENTS, GOOD | {"payments_webhook_secret": "whsec_sample"}),
        (ControllerSettings, CONTROLLER, {"payments_webhook_secret": "mine"}),
        (ControllerSettings, CONTROLLER, {"payments_webhook_secret": "whsec_sample"}),
    ],
)
def test_half_a_webhook_a_wrong_address_or_a_sample_secret_is_refused(
    kind: type[ServiceSettings], usual: dict[str, Any], wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as refused:
        kind(**usual, **wrong)

    assert str(PAYMENTS["fingerprint_secret"]) not in str(refused.value)
    assert any(word in str(refused.value) for word in ("WEBHOOK_URL", "PAYMENTS_WEBHOOK_SECRET"))
