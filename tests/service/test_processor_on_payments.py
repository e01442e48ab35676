"""The controller's processor client against the payments service, where no other test of the two together looks."""

from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from services.chassis.outbound import Neighbour
from services.contracts.payments import PaymentIntent
from services.contracts.problems import OutcomeUnknown
from services.controller.processor import KEYS_OF_A_CREATE
from services.controller.processor import Payments as Processor
from services.payments.app import create_app
from services.payments.settings import Settings
from tests.conftest import MakeDatabase
from tests.service.payments_stand import SECRET_KEY, environment
from tests.serving import serving

pytestmark = pytest.mark.doors


class Through(httpx.AsyncBaseTransport):
    """What is asked goes on through a client that knows the way."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.client.send(request)


class ClockThatBreaks:
    """Tells the time, except on its first few readings."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> datetime:
        self.left -= 1
        # Every other reading, since the failure that is kept is dated too.
        if self.left >= 0 and self.left % 2:
            raise RuntimeError("no time")
        return datetime.now(UTC)


@pytest.mark.parametrize("broken", [0, 1, KEYS_OF_A_CREATE - 1])
async def test_a_create_that_broke_at_the_processor_is_begun_anew_and_agrees_on_repetition(
    make_database: MakeDatabase, broken: int
) -> None:
    database = await make_database("payments")
    settings = Settings.model_validate({k.lower(): v for k, v in environment(database.app).items()})
    app = create_app(settings, clock=ClockThatBreaks(2 * broken))
    async with (
        serving(app) as client,
        Neighbour("payments", "http://payments", transport=Through(client)) as neighbour,
    ):
        processor = Processor(neighbour, secret_key=SECRET_KEY)
        checkout_id = uuid4()

        tries = [await processor.create(amount=100, currency="INR", checkout_id=checkout_id) for _ in range(3)]

    assert isinstance(tries[-1], PaymentIntent)
    assert {told.id for told in tries if isinstance(told, PaymentIntent)} == {tries[-1].id}
    assert all(isinstance(told, PaymentIntent | OutcomeUnknown) for told in tries)
