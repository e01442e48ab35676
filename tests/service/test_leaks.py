"""The search that ends every run finds one secret of each kind in each place, and leaves alone what may stay."""

import json
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import pytest

from services.payments.processor import TEST_CARDS
from tests.conftest import MakeDatabase, pytest_runtest_logreport
from tests.leaks import Seen, listening
from tests.readable import MUST_BE_KEPT, tables_of

pytestmark = pytest.mark.doors

RANDOM = "Zk3vQ9tXb2Lw8RfN5yHcD7mPs1JgA4uE6oKiT0VxWqB"
# Told apart by how they are found: those that look like what they are, and those that a test has sent or received.
BY_SHAPE = {
    "access token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLXRva2Vu",
    "refresh token": RANDOM,
    "code verifier": RANDOM + RANDOM[:20],
    "card number": "4539578763621486",
    "card number in groups": "4539 5787 6362 1486",
    **{f"test card {number[-4:]}": number for number in TEST_CARDS},
    "card code": '"cvc": "738"',
    "card code of a form": "card%5Bcvc%5D=738",
    "secret key": "sk_test_4f9a8b7c6d5e4f3a2b1c",
    "webhook secret": "whsec_4f9a8b7c6d5e4f3a2b1c",
    "private key": '"d": "Zk3vQ9tXb2Lw8RfN5yHcD7mPs1"',
    "database password": "postgresql://catalog_app:4f9a8b7c@db/catalog",
}
PASSWORD, CODE, COOKIE, IN_HEX = (
    "a horse and a battery",
    "Qx7Lm2Zv9Rt4Wb",
    "s1dQx7Lm2Zv9Rt4Wb8",
    "4f9a8b7c6d5e4f3a2b1c0d9e",
)
EXCHANGED = {"password": PASSWORD, "authorization code": f"{CODE}{CODE}", "cookie": COOKIE, "client secret": IN_HEX}
SECRETS = BY_SHAPE | EXCHANGED
FINE = {
    "an id": '"cart_id": "01a1f970-409e-7224-96f3-2b159d964d63"',
    "an intent": "pi_01a1f8ce7b617218b9536a48ccc13e4b",
    "a hash": "\\x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "a sealed token": "gAAAAABk3vQ9tXb2Lw8RfN5yHcD7mPs1JgA4uE6oKiT0VxWqBZk3vQ9tXb2Lw8RfN5yHcD7mPs1JgA==",
    "a password's hash": f"$argon2id$v=19$m=65536,t=3,p=4${RANDOM[:22]}${RANDOM}",
    "a wrong check digit": "4539578763621487",
    "an amount": '"amount": 123456789012',
    "a moment": "2026-11-20T14:50:57.412587Z 1.7638e+09 0.4539578763621486",
    "an authorisation request": f"/authorize?client_id=x&state={RANDOM}&amp;nonce={RANDOM}&code_challenge={RANDOM}",
}
FILLED_IN = {"username": "alice", "password": PASSWORD, "client_secret": IN_HEX}


def exchange(request: httpx.Request) -> httpx.Response:
    """A sign-in as any: the form is sent, a cookie is set, a code comes back."""
    headers = {
        "location": f"https://shop.test/callback?code={CODE}{CODE}&state=x",
        "set-cookie": f"sid={COOKIE}; Path=/",
    }
    return httpx.Response(303, headers=headers)


@pytest.fixture
def signed_in() -> Seen:
    """What a run knows that has signed in once."""
    fresh = Seen()
    with listening(fresh), httpx.Client(transport=httpx.MockTransport(exchange)) as client:
        client.post("https://id.shop.test/sign-in", data=FILLED_IN)
    return fresh


def in_a_log_file(seen: Seen, text: str, folder: Path) -> None:
    log = folder / "controller.log"
    log.write_text(f"starting\nsomething {text} else\n")
    seen.look_into(folder.parent)
    log.unlink()


def in_metrics(seen: Seen, text: str, folder: Path) -> None:
    seen.look("metrics", f'http_requests_total{{route="{text}"}} 1\n')


def in_an_error(seen: Seen, text: str, folder: Path) -> None:
    refusal = httpx.MockTransport(lambda _: httpx.Response(422, content=f"no such thing: {text}"))
    with listening(seen), httpx.Client(transport=refusal) as client:
        client.get("https://shop.test/")


def in_a_header_of_an_error(seen: Seen, text: str, folder: Path) -> None:
    refusal = httpx.MockTransport(lambda _: httpx.Response(401, headers={"www-authenticate": f"Bearer {text}"}))
    with listening(seen), httpx.Client(transport=refusal) as client:
        client.get("https://shop.test/")


def in_what_a_test_printed(seen: Seen, text: str, folder: Path) -> None:
    report = pytest.TestReport(
        "a test", ("a", 1, "test"), {}, "passed", None, "call", [("stdout", f"said {text} aloud")]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(pytest_runtest_logreport.__globals__, "SEEN", seen)
        pytest_runtest_logreport(report)


PLACES = (in_a_log_file, in_metrics, in_an_error, in_a_header_of_an_error, in_what_a_test_printed)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_fails_the_run_wherever_it_is_and_is_not_repeated(
    signed_in: Seen, kind: str, place: Callable[[Seen, str, Path], None], tmp_path: Path
) -> None:
    place(signed_in, SECRETS[kind], tmp_path)

    with pytest.raises(pytest.fail.Exception) as failed:
        signed_in.expect_none()
    assert SECRETS[kind] not in str(failed.value)


@pytest.mark.parametrize("place", PLACES)
def test_what_may_stay_fails_nothing(signed_in: Seen, place: Callable[[Seen, str, Path], None], tmp_path: Path) -> None:
    place(signed_in, "\n".join(FINE.values()) if place is not in_a_header_of_an_error else FINE["an id"], tmp_path)

    signed_in.expect_none()


async def test_a_secret_is_found_in_any_column_as_text_bytes_or_json(make_empty_database: MakeDatabase) -> None:
    urls = await make_empty_database("idp")
    connection = await asyncpg.connect(urls.owner)
    await connection.execute("CREATE TABLE things (kind text, words text, bytes bytea, document jsonb, list text[])")
    rows = [
        row
        for kind, secret in SECRETS.items()
        for row in (
            (f"text {kind}", secret, None, None, None),
            (f"bytes {kind}", None, secret.encode(), None, None),
            (f"document {kind}", None, None, json.dumps({"held": secret}), None),
            (f"list {kind}", None, None, None, [secret]),
        )
    ]
    await connection.executemany("INSERT INTO things VALUES ($1, $2, $3, $4, $5)", rows)
    missed = []
    for row in rows:
        fresh = Seen(words=dict.fromkeys((COOKIE, IN_HEX, CODE + CODE), "seen"), phrases={PASSWORD: "password"})
        await connection.execute("DELETE FROM things")
        await connection.execute("INSERT INTO things VALUES ($1, $2, $3, $4, $5)", *row)
        async for table, text in tables_of(urls.owner, "idp"):
            fresh.look(table, text)
        missed += [] if fresh.leaks else [row[0]]
    await connection.close()

    assert missed == []


async def test_every_column_that_is_left_out_exists(make_database: MakeDatabase) -> None:
    for service, columns in MUST_BE_KEPT.items():
        connection = await asyncpg.connect((await make_database(service)).app)
        found = await connection.fetch(
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
        )
        await connection.close()
        assert columns.keys() <= {row[0] for row in found}


def test_a_run_without_a_secret_passes(signed_in: Seen) -> None:
    assert {*signed_in.words.values(), *signed_in.phrases.values()} >= {
        "cookie",
        "authorization code",
        "password",
        "client_secret",
    }
    signed_in.expect_none()
