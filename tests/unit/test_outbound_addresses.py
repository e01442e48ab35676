"""Where a service's requests go: to its settings' addresses, whatever a neighbour or a caller says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from joserfc.jwk import ECKey

from services.chassis.openid import OpenIdProvider
from services.chassis.outbound import Neighbour, OnlySome, fast_transport
from services.contracts.problems import Unavailable
from services.payments.refusals import InvalidRequest
from services.payments.target import expect_public, is_public

REDIRECTS = (301, 302, 303, 307, 308)
PRIVATE = (
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "127.0.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "192.0.0.192",
)
PRIVATE_6 = (
    *("::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "2002:7f00:1::", "ff02::1", "::"),
    *("64:ff9b::a00:1", "64:ff9b:1::a00:1", "::a00:1", "fec0::1"),
)
PUBLIC = ("8.8.8.8", "2606:4700:4700::1111")


@asynccontextmanager
async def leading_to(status: int, elsewhere: str) -> AsyncIterator[str]:
    """A neighbour that always sends its callers elsewhere."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def elsewhere() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Where nobody may be led, and what has come there."""
    came: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", came


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_neighbour_leads_a_request_elsewhere(status: int, method: str) -> None:
    async with elsewhere() as (other, came), leading_to(status, other) as url, Neighbour("one", url) as neighbour:
        answer = await neighbour.exchange("look", method, "/", content=b"{}" if method == "POST" else None)

    assert isinstance(answer, httpx.Response)
    assert answer.status_code == status
    assert came == []


@pytest.mark.parametrize("status", REDIRECTS)
async def test_the_provider_leads_nobody_to_another_discovery_document(status: int) -> None:
    async with elsewhere() as (other, came), leading_to(status, other) as url:
        provider = OpenIdProvider(url)
        async with provider.neighbour:
            with pytest.raises(Unavailable):
                await provider.document()

    assert came == []


async def test_keys_are_not_fetched_from_wherever_the_providers_document_points() -> None:
    asked: list[str] = []
    keys = [ECKey.generate_key("P-256", {"kid": "any"}).as_dict(private=False)]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        told = {"issuer": "https://id.shop.test", "jwks_uri": "http://169.254.169.254/latest/meta-data", "keys": keys}
        return httpx.Response(200, json=told)

    provider = OpenIdProvider("https://id.shop.test", transport=httpx.MockTransport(answer))
    async with provider.neighbour:
        with pytest.raises(Unavailable):
            await provider.keys_for("any")

    assert asked == ["https://id.shop.test/.well-known/openid-configuration"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
async def test_a_proxy_in_the_environment_hears_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    async with elsewhere() as (proxy, came), leading_to(302, proxy) as url:
        monkeypatch.setenv(name, proxy)
        async with Neighbour("one", url) as neighbour:
            await neighbour.exchange("look", "GET", "/")

    assert came == []


# --- webhooks


def test_an_address_of_a_private_network_is_not_public() -> None:
    assert [address for address in (*PRIVATE, *PRIVATE_6) if is_public(address)] == []
    assert [address for address in PUBLIC if not is_public(address)] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/webhooks",
        "https://localhost/",
        "https://cartdb:8002/purchases",
        "https://cartdb.:8002/purchases",
        *(f"https://{address}/" for address in PRIVATE),
        *(f"https://[{address}]/" for address in PRIVATE_6),
    ],
)
def test_in_production_no_caller_names_an_endpoint_behind_the_door(url: str) -> None:
    with pytest.raises(InvalidRequest):
        expect_public(url)


@pytest.mark.parametrize(
    "url", ["https://shop.example/webhooks", "https://8.8.8.8/", "https://[2606:4700:4700::1111]/"]
)
def test_a_public_endpoint_is_taken(url: str) -> None:
    expect_public(url)


@pytest.mark.parametrize("name", ["localhost", "2130706433", "0177.0.0.1", "127.1"])
async def test_a_name_that_leads_home_is_not_found(name: str) -> None:
    resolver = OnlySome(is_public, but=frozenset())

    async with elsewhere() as (other, came), httpx.AsyncClient(transport=fast_transport(resolver=resolver)) as client:
        with pytest.raises((httpx.TransportError, httpx.InvalidURL)):
            await client.get(f"http://{name}:{other.rpartition(':')[2]}/")

    assert came == []


async def test_a_name_that_the_operator_has_set_leads_anywhere() -> None:
    resolver = OnlySome(is_public, but=frozenset({"localhost"}))

    async with elsewhere() as (other, came), httpx.AsyncClient(transport=fast_transport(resolver=resolver)) as client:
        answer = await client.get(f"http://localhost:{other.rpartition(':')[2]}/")

    assert (answer.status_code, len(came)) == (200, 1)
