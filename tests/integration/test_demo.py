"""demo.py as a person runs it: twice, beside the stack."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from demo import PASSWORD
from services.local.settings import REPOSITORY
from services.local.token import access_token
from tests.stacks import RunningStack

SHOPPERS = 6
OPEN_CARTS = 20


def demonstrate(stack: RunningStack, *arguments: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
    told = ["--shoppers", str(SHOPPERS), "--payments-url", stack.payments_url, *arguments]
    key = {"PAYMENTS_SECRET_KEY": stack.secrets["PAYMENTS_SECRET_KEY"]}
    return subprocess.run(
        [sys.executable, "demo.py", "--url", url or stack.url, *told],
        cwd=REPOSITORY, env={**os.environ, **key, "COLUMNS": "200"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def number(shown: str, row: str) -> int:
    found = re.search(rf"│ {row} +│ +(\d+) │", shown)
    assert found, f"no row {row!r} in:\n{shown}"
    return int(found[1])


def fill_up(stack: RunningStack, name: str) -> None:
    """Give a shopper as many open carts as are allowed, none of them empty."""
    with httpx.Client(base_url=stack.idp_url) as provider:
        token = access_token(provider, user=name, password=PASSWORD.format(name), scope="openid profile")
    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {token}"}) as shop:
        for _ in range(OPEN_CARTS):
            if not shop.get("/cart").json()["items"]:
                shop.post("/cart/items", json={"sku": "lime"}).raise_for_status()
            answer = shop.post("/carts", json={"name": "one more"})
            if answer.status_code == 422:
                break
        assert len(shop.get("/carts").json()["carts"]) == OPEN_CARTS


def failed_sign_ins(stack: RunningStack) -> int:
    told = re.search(
        r'^idp_sign_ins_total\{outcome="refused"\} (\d+)', httpx.get(f"{stack.idp_url}/metrics").text, re.MULTILINE
    )
    return int(told[1]) if told else 0


def test_nobody_who_is_new_fails_to_sign_in_which_would_keep_a_crowd_out(stack: RunningStack) -> None:
    before = failed_sign_ins(stack)

    run = demonstrate(stack, "--seed", "5", "--shoppers", str(SHOPPERS + 6))

    assert number(run.stdout, "signed up") > 0
    assert failed_sign_ins(stack) == before


def test_the_second_run_finds_the_unpurchased_carts_of_the_first_and_both_agree(stack: RunningStack) -> None:
    first = demonstrate(stack, "--seed", "1")
    second = demonstrate(stack, "--seed", "2")

    for run in (first, second):
        assert run.returncode == 0, run.stdout + run.stderr
        assert "everything compared agrees" in run.stdout
        assert "\ncompared with payments: " in run.stdout
        assert number(run.stdout, "items added") > 0
        assert number(run.stdout, "checked out") > 0
        assert re.search(r"revenue +│ +₹[\d,.]+", run.stdout)
        assert number(run.stdout, "signed up") + number(run.stdout, "signed in") == SHOPPERS
    assert "--seed 1" in first.stdout
    assert number(second.stdout, "signed up") == 0
    assert number(second.stdout, "carts found") >= number(first.stdout, "left unpurchased") > 0


def test_a_shopper_with_as_many_carts_as_allowed_checks_out_or_deletes(stack: RunningStack) -> None:
    demonstrate(stack, "--seed", "3", "--shoppers", "1")
    fill_up(stack, "shopper-01")

    run = demonstrate(stack, "--seed", "3", "--shoppers", "1")

    assert run.returncode == 0, run.stdout + run.stderr
    assert number(run.stdout, "checked out") + number(run.stdout, "carts deleted") > 0


def test_without_the_key_of_payments_it_says_what_was_not_compared(stack: RunningStack) -> None:
    key = {"PAYMENTS_SECRET_KEY": "sk_test_of_another_shop"}
    run = subprocess.run(
        [sys.executable, "demo.py", "--url", stack.url, "--payments-url", stack.payments_url, "--shoppers", "1"],
        cwd=REPOSITORY, env={**os.environ, **key, "COLUMNS": "200"}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr
    assert "not compared with payments" in run.stdout


@contextmanager
def losing_adds(stack: RunningStack) -> Iterator[str]:
    """A shop that answers adds to carts by id with success, and loses them."""

    way_through = httpx.HTTPTransport()  # A client would mix the shoppers' cookies.

    class Liar(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            lost = self.command == "POST" and self.path.startswith("/carts/") and self.path.endswith("/items")
            method, path = ("GET", self.path.removesuffix("/items")) if lost else (self.command, self.path)
            kept = {
                name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")
            }
            asked = httpx.Request(method, f"{stack.url}{path}", headers=kept, content=b"" if lost else body)
            answer = way_through.handle_request(asked)
            answer.read()
            self.send_response(answer.status_code)
            for name, value in answer.headers.multi_items():
                if name not in ("content-length", "content-encoding", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 - the server's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Liar)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        way_through.close()


def test_acknowledged_changes_that_are_lost_are_named_and_fail_the_run(stack: RunningStack) -> None:
    with losing_adds(stack) as url:
        run = demonstrate(stack, "--seed", "5", "--shoppers", "4", url=url)

    assert run.returncode == 1, run.stdout + run.stderr
    assert re.search(r"differs: shopper-\d\d: the content of cart [0-9a-f-]{36} is \{.*\}, and must be \{", run.stdout)


def test_a_shop_that_is_not_there_is_said_in_one_line() -> None:
    run = subprocess.run(
        [sys.executable, "demo.py", "--url", "http://localhost:1"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 1
    assert "run make run first" in run.stdout.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_missing_packages_are_said_in_one_line() -> None:
    run = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {json.dumps(str(REPOSITORY))}); import demo"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 1
    assert run.stderr.splitlines() == ["demo.py: the package httpx is missing: run make run first"]
