"""The programs of docs/payments.md, as they stand there, against a real payments service."""

import asyncio
import os
import re
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.local.settings import REPOSITORY
from services.payments.processor import READY_MADE, TEST_CARDS
from tests.conftest import MakeDatabase
from tests.nodejs import NODE, installed_clients
from tests.service.payments_stand import SECRET, SECRET_KEY, payments_app
from tests.serving import on_a_port

pytestmark = pytest.mark.doors

PAPER = (REPOSITORY / "docs" / "payments.md").read_text(encoding="utf-8")
PRINTED = r"pi_\w+ succeeded 6400\nre_\w+ succeeded 1400\ncard_declined generic_decline\n"


def programs(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAPER, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
async def address(make_database: MakeDatabase) -> AsyncIterator[str]:
    async with on_a_port(payments_app((await make_database("payments")).app)) as address:
        yield address


async def printed_by(*command: str | Path, folder: Path, address: str) -> str:
    environment = {**os.environ, "PAYMENTS_ADDRESS": address, "PAYMENTS_SECRET_KEY": SECRET_KEY}
    program = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(60):
        printed, complaints = await program.communicate()
    assert program.returncode == 0, complaints.decode()
    return printed.decode()


async def test_the_python_program_prints_what_the_paper_says(address: str, tmp_path: Path) -> None:
    (tmp_path / "try_stripe.py").write_text(programs("python")[0], encoding="utf-8")

    printed = await printed_by(sys.executable, "try_stripe.py", folder=tmp_path, address=address)

    assert re.fullmatch(PRINTED, printed)


async def test_the_node_program_prints_what_the_paper_says(address: str, tmp_path: Path) -> None:
    clients = await asyncio.to_thread(installed_clients)
    (tmp_path / "node_modules").symlink_to(clients / "node_modules")
    (tmp_path / "try_stripe.mjs").write_text(programs("javascript")[0], encoding="utf-8")

    printed = await printed_by(NODE, "try_stripe.mjs", folder=tmp_path, address=address)

    assert re.fullmatch(PRINTED, printed)


async def test_the_receiver_takes_what_is_signed_with_its_secret(address: str, tmp_path: Path) -> None:
    (tmp_path / "receiver.py").write_text(programs("python")[1], encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    wanted = {"url": f"http://localhost:{port}/", "enabled_events[]": "payment_intent.succeeded"}
    sale = {"amount": "6400", "currency": "inr", "payment_method": "pm_card_visa", "confirm": "true"}
    async with httpx.AsyncClient(base_url=address, headers=SECRET) as client:
        endpoint = (await client.post("/v1/webhook_endpoints", data=wanted)).json()
        environment = {**os.environ, "WEBHOOK_SECRET": endpoint["secret"], "RECEIVER_PORT": str(port)}
        receiver = await asyncio.create_subprocess_exec(
            sys.executable, "receiver.py", cwd=tmp_path, env=environment, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            paid = (await client.post("/v1/payment_intents", data=sale)).json()
            assert receiver.stdout is not None
            async with asyncio.timeout(30):
                heard = await receiver.stdout.readline()
            forged = await client.post(wanted["url"], content=b"{}", headers={"Stripe-Signature": "t=1,v1=00"})
        finally:
            receiver.kill()
            await receiver.wait()

    assert heard.decode() == f"payment_intent.succeeded {paid['id']}\n"
    assert forged.status_code == 400


def test_every_token_of_the_processor_is_in_the_paper_and_no_other() -> None:
    listed = set(re.findall(r"`(pm_card_\w+)`", PAPER)) | {"pm_card_mastercard_debit", "pm_card_mastercard_prepaid"}
    numbers = {re.sub(" ", "", number) for number in re.findall(r"\b\d{4}(?: \d{4,6}){2,3}\b", PAPER)}

    assert listed == READY_MADE.keys()
    assert numbers == {card.number for card in READY_MADE.values()} <= TEST_CARDS.keys()
