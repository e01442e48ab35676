"""Of a card, only brand, last four digits, expiry, outcome and a keyed fingerprint stay anywhere."""

from pathlib import Path

import asyncpg
import httpx
import pytest

from services.payments.processor import TEST_CARDS
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.payments_stand import PUBLISHABLE, SECRET, Payments, replica_process, visa

REAL_LOOKING = "4539578763621486"
CODE = "738"


@pytest.fixture(scope="module")
async def database(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("payments")


async def test_no_number_or_code_is_found_in_tables_logs_or_answers(database: DatabaseUrls, tmp_path: Path) -> None:
    log = tmp_path / "log"
    answers: list[str] = []

    async def send(client: httpx.AsyncClient, **request: object) -> httpx.Response:
        answer = await client.post("/v1/payment_methods", **request)  # type: ignore[arg-type]  # httpx's own names
        answers.append(f"{answer.headers} {answer.text}")
        return answer

    with log.open("wb") as written:
        async with (
            replica_process(database.app, log=written) as (_, address),
            httpx.AsyncClient(base_url=address, headers=PUBLISHABLE) as client,
        ):
            payments = Payments(client)
            for number, card in TEST_CARDS.items():
                code = "7381" if card.brand == "amex" else CODE
                under = PUBLISHABLE | {"Idempotency-Key": f"card {card.brand} {number[-4:]}"}
                made = await send(client, data=visa(number, cvc=code), headers=under)
                assert (made.status_code, made.json()["card"]["last4"]) == (200, number[-4:])
                paid = await payments.post(
                    "payment_intents", amount=1, currency="inr", payment_method=made.json()["id"], confirm="true"
                )
                answers.append(paid.text)
            for data in (
                visa(REAL_LOOKING, cvc=CODE),
                visa(REAL_LOOKING[:-1] + "0", cvc=CODE),
                visa(exp_month="13", cvc=CODE),
                visa(exp_month=REAL_LOOKING, cvc=CODE),
                visa(cvc=REAL_LOOKING),
                {REAL_LOOKING: REAL_LOOKING},
                visa() | {f"card[{REAL_LOOKING}]": CODE},
                visa() | {"type": REAL_LOOKING},
                visa() | {"billing_details": REAL_LOOKING},
                {"card": REAL_LOOKING},
            ):
                assert (await send(client, data=data)).status_code in (400, 402)
            for request in (
                {"json": {"card": {"number": REAL_LOOKING, "cvc": CODE}}},
                {"content": f"card[number]={REAL_LOOKING}&card[number]={REAL_LOOKING}", "headers": _FORM},
                {"content": f"\xff{REAL_LOOKING}".encode("latin-1"), "headers": _FORM},
                {"params": {"card[number]": REAL_LOOKING}},
            ):
                assert (await send(client, **request)).status_code == 400
            unknown = await client.get(f"/v1/payment_methods/{REAL_LOOKING}", headers=SECRET)
            answers.append(unknown.text)

    everything = "\n".join([*answers, log.read_text(), await _tables(database)])
    assert len(log.read_text()) > 1000
    found = [number for number in (*TEST_CARDS, REAL_LOOKING) if number in everything]
    assert found == []
    assert f'"{CODE}"' not in everything
    assert f"={CODE}" not in everything


async def test_the_tables_have_no_room_for_a_number_or_a_code(database: DatabaseUrls) -> None:
    connection = await asyncpg.connect(database.app)

    columns = await connection.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'payment_methods'"
    )

    await connection.close()
    assert {column["column_name"] for column in columns} == {
        *("id", "brand", "last4", "exp_month", "exp_year", "funding", "country"),
        *("outcome", "fingerprint", "billing_details", "metadata", "created_at"),
    }


_FORM = {"Content-Type": "application/x-www-form-urlencoded"} | PUBLISHABLE


async def _tables(database: DatabaseUrls) -> str:
    """Every row of every table, as text."""
    connection = await asyncpg.connect(database.app)
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    rows = [
        str(row[0])
        for name in names
        if name["tablename"] != "alembic_version"
        for row in await connection.fetch(f'SELECT t::text FROM "{name["tablename"]}" t')
    ]
    await connection.close()
    assert len(rows) > len(TEST_CARDS) * 3
    return "\n".join(rows)
