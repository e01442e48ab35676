"""The stack itself: it stands, and gets up again after a kill."""

from pathlib import Path

import httpx
import pytest

from services.local.settings import SERVICES
from services.local.stack import Stack, wait_until_ready
from tests.stacks import RunningStack, plan_in


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


@pytest.mark.parametrize("service", ["payments", "postgres"])
def test_what_is_paused_is_silent_and_then_goes_on(stack: RunningStack, service: str) -> None:
    asked = "payments" if service == "payments" else "catalog"
    ready = f"{stack.addresses.inside(asked)}/health/ready"

    stack.pause(service)
    try:
        silence = _status(ready)
    finally:
        stack.resume(service)

    assert silence in {None, 503}
    wait_until_ready(stack.addresses, SERVICES)


@pytest.mark.parametrize("name", ["idp", "postgres"])
def test_a_restart_ends_and_starts(stack: RunningStack, name: str) -> None:
    stack.restart(name)

    wait_until_ready(stack.addresses, SERVICES)


def _status(url: str) -> int | None:
    try:
        return httpx.get(url, timeout=3).status_code
    except httpx.TimeoutException:
        return None


def test_one_replica_is_killed_paused_and_started_while_the_other_answers(tmp_path: Path) -> None:
    plan = plan_in(
        tmp_path,
        replicas={"catalog": 2},
        settings={"catalog": {"LOG_LEVEL": "error"}},
    )
    with Stack(plan) as stack:
        through_proxy = f"{stack.addresses.inside('catalog')}/health/ready"
        first, second = (f"{stack.address_of(f'catalog-{number}')}/health/ready" for number in (1, 2))

        stack.kill("catalog-2")
        without_second = [_status(through_proxy) for _ in range(4)]
        with pytest.raises(httpx.ConnectError):
            httpx.get(second)
        stack.start("catalog-2")
        stack.pause("catalog-1")
        others = [_status(url) for url in (first, second)]
        stack.kill("catalog-1")
        stack.start("catalog-1")
        stack.pause("catalog-2")
        stack.pause("postgres")

    assert (without_second, others) == ([200] * 4, [None, 200])
    assert stack.stopped() == []
