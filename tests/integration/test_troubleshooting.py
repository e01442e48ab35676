"""docs/troubleshooting.md is true: its commands run in a shell against the stack, and print what the page says.

The first block of the page is run once. Then each section's `console` blocks run in order, in a folder of its own:
lines after `$ ` are typed, what stands below them is compared with what is printed, and `…` is anything. A comment
`<!-- given: … -->` before a block names what the test has to bring about first.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from services.local.settings import REPOSITORY
from tests.stacks import RunningStack
from tests.verifying import books_of

from .shop_client import Shop

PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
PREPARATION, *_ = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
STEPS = re.compile(r"^<!-- given: (?P<given>.+?) -->$|^```console\n(?P<block>.*?)^```", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)\n(?P<printed>(?:(?!\$ ).*\n)*)", re.MULTILINE)
TRIED = {title: text for title, text in SECTIONS.items() if "```console" in text}
QUERIES = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
ANYTHING = "…"
END = "\x1e"
# A command that hangs is ended by this, as a failure that can be read.
CURL_OPTIONS = "max-time = 60\n"


class Terminal:
    """One shell, in which commands are typed one after another."""

    def __init__(self, stack: RunningStack, home: Path) -> None:
        (home / ".curlrc").write_text(CURL_OPTIONS)
        environment = {**os.environ, "HOME": str(home), "OIDC_ISSUER": stack.idp_url, "LC_ALL": "C.UTF-8"}
        self._shell = subprocess.Popen(
            ["bash"],
            cwd=home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        # make would install packages first; it is typed as `make --silent token USER=alice`.
        program = f"{shlex.quote(sys.executable)} -m services.local.token"
        self.type(f'make() {{ (cd {shlex.quote(str(REPOSITORY))} && {program} --user "${{3#USER=}}"); }}')

    def type(self, command: str) -> str:
        """What it prints."""
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n{END}\\n'\n")
        self._shell.stdin.flush()
        printed = list(iter(self._shell.stdout.readline, f"{END}\n"))
        return "".join(printed).strip()

    def close(self) -> None:
        self._shell.communicate("exit\n", timeout=60)


def at(stack: RunningStack, text: str) -> str:
    return text.replace("http://localhost:8000", stack.url).replace("http://localhost:8003", stack.idp_url)


def as_documented(printed: str) -> re.Pattern[str]:
    """The answer as the page shows it: `…` stands for anything, also for lines."""
    return re.compile(".*?".join(re.escape(part) for part in printed.strip().split(ANYTHING)), re.DOTALL)


@pytest.fixture(scope="module")
def terminal(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    terminal = Terminal(stack, tmp_path_factory.mktemp("home"))
    assert terminal.type(at(stack, PREPARATION)) == ""
    yield terminal
    terminal.close()


async def token_of_an_hour_ago(stack: RunningStack, terminal: Terminal) -> None:
    """The page's token as it will be when it has expired: the same claims and key, an hour older."""
    connection = await asyncpg.connect(stack.database_url("idp"))
    try:
        rows = await connection.fetch("SELECT private_jwk::text FROM signing_keys")
    finally:
        await connection.close()
    token = terminal.type("echo $TOKEN")
    keys = KeySet([RSAKey.import_key(json.loads(row["private_jwk"])) for row in rows])
    good = jwt.decode(token, keys, algorithms=["RS256"])
    an_hour_ago = int(time.time()) - 3600
    old = jwt.encode(good.header, {**good.claims, "iat": an_hour_ago, "exp": an_hour_ago + 900}, keys)
    terminal.type(f"OLD_TOKEN={old}")


@pytest.fixture
def away(stack: RunningStack) -> Iterator[Callable[[str], None]]:
    """`away("payments")`; whoever was sent away is back in the end."""
    gone: list[str] = []

    def send_away(service: str) -> None:
        stack.kill(service)
        gone.append(service)

    yield send_away
    for service in gone:
        stack.start(service)


@pytest.mark.parametrize("title", TRIED)
async def test_a_section_of_the_page_shows_the_symptom_and_what_ends_it(
    stack: RunningStack, terminal: Terminal, away: Callable[[str], None], tmp_path: Path, title: str
) -> None:
    terminal.type(f"cd {tmp_path}")

    for step in STEPS.finditer(TRIED[title]):
        match (step["given"] or "").split():
            case ["an", "expired", "token"]:
                await token_of_an_hour_ago(stack, terminal)
            case [service, "is", "down"]:
                away(service)
            case [service, "is", "back"]:
                stack.start(service)
            case []:
                expect_as_documented(stack, terminal, step["block"])
            case unknown:
                pytest.fail(f"nobody knows how to bring about {unknown}")


def expect_as_documented(stack: RunningStack, terminal: Terminal, block: str) -> None:
    typed = list(TYPED.finditer(block))
    assert "".join(step[0] for step in typed) == block, "a block has lines that belong to no command"
    for step in typed:
        printed = terminal.type(step["command"])
        assert as_documented(at(stack, step["printed"])).fullmatch(printed), f"$ {step['command']}\n{printed[:2000]}"


def test_every_symptom_of_the_notes_has_its_section() -> None:
    """Note a's pitfalls and note e's common issues, by the words that people search for."""
    titles = " | ".join(TRIED)

    for symptom in (
        "another id on every request",
        "Items do not add up",
        "The session is gone",
        '"Cart is empty"',
        '"Cart not found or doesn\'t belong to you"',
        "The page shows items",
        "Two changes at once",
    ):
        assert symptom in titles


@pytest.mark.parametrize("question", QUERIES, ids=["cart", "history"])
async def test_a_query_of_the_page_is_answered_to_the_role_that_may_only_look(
    stack: RunningStack, shop: Shop, question: str
) -> None:
    cart = shop.guest().add("apple", 2)
    connection = await asyncpg.connect(books_of(stack).cartdb)
    try:
        found = await connection.fetch(question.replace("user:…", cart["owner"]["id"]))
    finally:
        await connection.close()

    assert found
