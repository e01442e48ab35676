"""What most tests of a service begin with: it runs in this process, on a database that the tests of a module share."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.cartdb_client import CartDb, running_cartdb
from tests.service.catalog_stand import Stand, standing
from tests.service.idp import Idp, running
from tests.service.payments_stand import Payments, payments_app
from tests.serving import serving
from tests.tokens import TestIssuer


@pytest.fixture(scope="module")
async def cartdb_urls(make_database: MakeDatabase) -> DatabaseUrls:
    """The database of `cartdb`."""
    return await make_database("cartdb")


@pytest.fixture(scope="module")
async def cartdb(cartdb_urls: DatabaseUrls) -> AsyncIterator[CartDb]:
    """`cartdb.add(cartdb.guest(owner), "apple", 2)`."""
    async with running_cartdb(cartdb_urls.app) as client:
        yield client


@pytest.fixture(scope="module")
async def catalog(make_database: MakeDatabase) -> AsyncIterator[Stand]:
    """`catalog.client`, `catalog.editor`, `catalog.checkout`."""
    async with standing(await make_database("catalog"), TestIssuer()) as stand:
        yield stand


@pytest.fixture(scope="module")
async def payments(make_database: MakeDatabase) -> AsyncIterator[Payments]:
    """`payments.intent()`, `payments.post("refunds", …)`."""
    async with serving(payments_app((await make_database("payments")).app)) as client:
        yield Payments(client)


@pytest.fixture(scope="module")
async def idp_urls(make_database: MakeDatabase) -> DatabaseUrls:
    """The database of the provider."""
    return await make_database("idp")


@pytest.fixture(scope="module")
async def one_for_all(idp_urls: DatabaseUrls) -> AsyncIterator[Idp]:
    """A provider whose clock a test leaves as it is."""
    async with running(idp_urls.app) as provider:
        yield provider


@pytest.fixture
def idp(one_for_all: Idp) -> Iterator[Idp]:
    """A provider whose clock a test may move."""
    yield one_for_all
    one_for_all.clock.reset()


@pytest.fixture
async def browser(idp: Idp) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the provider, without cookies yet."""
    async with idp.browser() as client:
        yield client
