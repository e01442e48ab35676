"""A certified relying party, npm openid-client, against the provider over real HTTP: its checks are in tests/node/."""

import socket

import pytest

from services.chassis.settings import Environment
from services.idp.app import create_app
from services.idp.settings import Settings
from tests.conftest import MakeDatabase
from tests.nodejs import expect_checks
from tests.service.idp import CALLBACK, CONTROLLER, EDITOR, SHOP
from tests.serving import on_a_port, until_ready

pytestmark = pytest.mark.doors

CHECKS = 20


async def test_a_certified_relying_party_works_unchanged(make_database: MakeDatabase) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    settings = Settings(
        environment=Environment.TEST,
        database_url=(await make_database("idp")).app,
        oidc_issuer=f"http://127.0.0.1:{listening.getsockname()[1]}",
        public_url=SHOP,
        oidc_client_secret=CONTROLLER[1],
        catalog_client_secret=EDITOR[1],
        demo_accounts=True,
    )
    async with on_a_port(create_app(settings), listening) as address:
        await until_ready(address)
        await expect_checks(
            "openid.test.mjs",
            CHECKS,
            OIDC_ISSUER=settings.oidc_issuer,
            CONTROLLER_SECRET=CONTROLLER[1],
            EDITOR_SECRET=EDITOR[1],
            REDIRECT_URI=CALLBACK,
            HOME_URI=f"{SHOP}/",
        )
