"""The stack itself: it stands, and gets up again after a kill."""

import httpx
import pytest

from services.local.settings import SERVICES
from services.local.stack import wait_until_ready
from tests.stacks import RunningStack


@pytest.mark.parametrize("service", ["controller", "idp", "payments"])
def test_a_service_with_a_public_address_is_ready_there(stack: RunningStack, service: str) -> None:
    answer = httpx.get(f"{stack.addresses.public(service)}/health/ready")

    assert (answer.status_code, answer.json()["service"]) == (200, service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_is_ready_again_after_a_start(stack: RunningStack, service: str) -> None:
    stack.kill(service)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{stack.addresses.inside(service)}/health/live")

    stack.start(service)

    assert httpx.get(f"{stack.addresses.inside(service)}/health/ready").status_code == 200


def test_every_service_recovers_by_itself_from_a_killed_database(stack: RunningStack) -> None:
    stack.kill("postgres")
    answers = {service: httpx.get(f"{stack.addresses.inside(service)}/health/ready") for service in SERVICES}

    stack.start("postgres")

    assert {service: answer.status_code for service, answer in answers.items()} == dict.fromkeys(SERVICES, 503)
    wait_until_ready(stack.addresses, SERVICES)
