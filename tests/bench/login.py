"""`python -m tests.bench.login`: how long sign-ins take, fifty at a time, and what `GET /cart` notices of it.

A stack of its own, about a minute. The sign-ins come from a process of their own, so that the reader of the cart does
not measure them by waiting for its own processor time.
"""

import argparse
import asyncio
import html
import multiprocessing
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urljoin

import httpx

from tests.integration.shop_client import NO_TLS, PATIENCE, Shop, Shopper
from tests.stacks import running_stack

PAUSE_SECONDS = 0.01


async def sign_in(shop: str) -> tuple[float, float]:
    """One person's sign-in: seconds of the password's request, and from the shop's link back to the shop."""
    async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as browser:
        begun = time.perf_counter()
        page = await browser.get(f"{shop}/login", follow_redirects=True)
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        assert action, page.text
        address = urljoin(str(page.url), html.unescape(action[1]))
        asked = time.perf_counter()
        back = await browser.post(address, data={"username": "alice", "password": "alice-demo-password"})
        answered = time.perf_counter()
        assert back.status_code == 303, f"{back.status_code} {back.text[-500:]}"
        home = await browser.get(back.headers["location"])
        assert home.status_code == 303, home.text
        return answered - asked, time.perf_counter() - begun


async def crowds(shop: str, size: int, ended: Connection) -> list[tuple[float, float]]:
    """Crowds that sign in all at once, one after another until the other end says stop."""
    seconds = await asyncio.gather(*(sign_in(shop) for _ in range(size)))
    while not ended.poll():
        seconds += await asyncio.gather(*(sign_in(shop) for _ in range(size)))
    return seconds


def crowd_process(shop: str, size: int, talk: Connection) -> None:
    talk.send("here")
    talk.send(asyncio.run(crowds(shop, size, talk)))


@contextmanager
def crowd(shop: str, size: int, told: list[tuple[float, float]]) -> Iterator[None]:
    """Sign-ins for as long as the block lasts; their seconds are in `told` afterwards."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=crowd_process, args=(shop, size, there))
    process.start()
    here.recv()
    try:
        yield
    finally:
        here.send("stop")
        told += here.recv()
        process.join()


def reads(shopper: Shopper, *, seconds: float) -> list[float]:
    """How long each `GET /cart` took, one after another with a pause."""
    taken, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        begun = time.perf_counter()
        shopper.cart()
        taken.append(time.perf_counter() - begun)
        time.sleep(PAUSE_SECONDS)
    return taken


def p(percent: int, seconds: Sequence[float]) -> float:
    """The percentile, in milliseconds."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


def memory_of(service: str) -> float:
    """What a service's process holds, in MiB."""
    measures = httpx.get(f"{service}/metrics", timeout=PATIENCE).text
    found = re.search(r"^process_resident_memory_bytes (\S+)$", measures, flags=re.MULTILINE)
    assert found, measures
    return float(found[1]) / 2**20


def main() -> None:
    """Measure, and print it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=20, help="of each of the two measurements")
    arguments.add_argument("--crowd", type=int, default=50, help="sign-ins at once")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack, Shop(stack) as shop:
        shopper = shop.guest()
        shopper.add(shop.goods())
        reads(shopper, seconds=2)
        quiet = reads(shopper, seconds=asked.seconds)
        seconds: list[tuple[float, float]] = []
        with crowd(stack.url, asked.crowd, seconds):
            loud = reads(shopper, seconds=asked.seconds)
        password, whole = zip(*seconds, strict=True)
        print(f"sign-ins, {asked.crowd} at once: {len(seconds)} in {asked.seconds:.0f} s")
        print(f"  password's request p50 {p(50, password):.0f} ms, whole sign-in p50 {p(50, whole):.0f} ms")
        print(f"GET /cart quiet: p50 {p(50, quiet):.1f} ms, p99 {p(99, quiet):.1f} ms of {len(quiet)}")
        print(f"GET /cart meanwhile: p50 {p(50, loud):.1f} ms, p99 {p(99, loud):.1f} ms of {len(loud)}")
        print(f"p99 ratio {p(99, loud) / p(99, quiet):.1f}; idp holds {memory_of(stack.idp_url):.0f} MiB")


if __name__ == "__main__":
    main()
