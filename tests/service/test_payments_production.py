"""payments in production: its endpoints are on the internet, and the operator's own is where the settings say."""

import httpx
import pytest

from services.chassis.settings import Environment
from services.payments.app import create_app
from services.payments.settings import Settings
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.production import SETTINGS
from tests.serving import serving

pytestmark = pytest.mark.doors

KEY = {"Authorization": f"Bearer {SETTINGS['payments']['payments_secret_key']}"}
EVENTS = {"enabled_events[]": "*"}


@pytest.fixture(scope="module")
async def database(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("payments")


async def post(database: DatabaseUrls, path: str, environment: str, **form: str) -> httpx.Response:
    settings = Settings(**SETTINGS["payments"]).model_copy(
        update={"database_url": database.app, "environment": Environment(environment)}
    )
    async with serving(create_app(settings)) as client:
        return await client.post(f"/v1/webhook_endpoints{path}", data=form, headers=KEY)


@pytest.mark.parametrize("url", ["http://shop.example/hook", "https://10.0.0.1/hook", "https://controller:8000/hook"])
async def test_an_endpoint_behind_the_door_is_refused_and_nothing_is_kept(database: DatabaseUrls, url: str) -> None:
    refused = await post(database, "", "production", url=url, **EVENTS)

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "url")
    assert url not in refused.text
    assert (await post(database, "", "test", url=url, **EVENTS)).status_code == 200


async def test_an_endpoint_is_not_moved_behind_the_door_either(database: DatabaseUrls) -> None:
    made = await post(database, "", "production", url="https://shop.example/hook", **EVENTS)

    moved = await post(database, f"/{made.json()['id']}", "production", url="https://169.254.169.254/latest")

    assert (made.status_code, moved.status_code) == (200, 400)
