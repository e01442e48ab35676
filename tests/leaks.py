"""What must not stay anywhere: secrets by their shape, and by the values that the tests have seen.

Sealed and hashed forms may stay. Values are never told in full: a test's report is a log, too.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

SHAPES = {
    "token": re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    "secret key": re.compile(r"\b[sr]k_(?:test|live)_\w{8,}"),
    "webhook secret": re.compile(r"\bwhsec_[\w+/-]{8,}"),
    "card code": re.compile(r"(?i)(?:\b|%5B)cv[cv]2?(?:\]|%5D)?[\\\"'\s:=]{1,8}\d{3,4}\b"),
    "private key": re.compile(r"BEGIN [A-Z ]*PRIVATE KEY|\\?\"d\\?\": ?\\?\"[\w-]{20,}"),
    "database password": re.compile(r"postgres(?:ql)?(?:\+\w+)?://[^:/\s]+:[^@\s*]+@"),
}
CARD_NUMBER = re.compile(r"(?<![\w.-])(?:[2-6]\d{12,18}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{1,7})(?![\w.-])")
RANDOM = re.compile(r"(?<![\w-])[\w-]{40,}", re.ASCII)
WORD = re.compile(r"[\w-]{16,}", re.ASCII)
SEALED = re.compile(r"gAAAAA[\w-]+=*|\$argon2id\$[\w$=,+/]+")
# Of an authorisation request; none of them opens anything.
PUBLIC = re.compile(r"(?<=[?&;])(?:state|nonce|code_challenge)=[\w.-]+")
# Publishable keys, and what the provider's page tells everybody of the demo accounts.
PUBLISHED = re.compile(r"^pk_|-demo-password$")
IN_HEX = re.compile(r"\\x((?:[0-9a-f]{2})+)")

SENT = {"password", "code", "code_verifier", "client_secret", "refresh_token", "token", "card[number]"}
TOLD = {"access_token", "refresh_token", "id_token", "secret"}
SHORTEST = 10
# What the checkout's page tells everybody to type.
HINT = "4242 4242 4242 4242"
# Whoever listens is the only one who does.
SEND, SEND_ASYNC = httpx.Client.send, httpx.AsyncClient.send


@dataclass(frozen=True)
class Leak:
    """A secret that somebody could read."""

    where: str
    kind: str
    beginning: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind} {self.beginning}…"


def is_card_number(text: str) -> bool:
    """Whether the check digit of a number is right (Luhn)."""
    digits = [int(digit) for digit in reversed(text) if digit.isdigit()]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def looks_random(text: str) -> bool:
    """Whether nobody would choose it as a name, and it is no number in hexadecimal."""
    counts = [sum(map(test, text)) for test in (str.isupper, str.islower, str.isdigit)]
    return min(counts) >= 2


def by_shape(text: str) -> Iterator[tuple[str, str]]:
    """The kind and the text of whatever looks like a secret."""
    for kind, shape in SHAPES.items():
        yield from ((kind, found.group()) for found in shape.finditer(text))
    yield from (("card number", it.group()) for it in CARD_NUMBER.finditer(text) if is_card_number(it.group()))
    yield from (("something random", it.group()) for it in RANDOM.finditer(text) if looks_random(it.group()))


@dataclass
class Seen:
    """The secrets that the tests sent and received, and what was found of any secret."""

    words: dict[str, str] = field(default_factory=dict)
    phrases: dict[str, str] = field(default_factory=dict)
    leaks: set[Leak] = field(default_factory=set)

    def note(self, kind: str, value: str) -> None:
        """Know a secret. A token's first part is the same in all of them."""
        if SEALED.match(value) or PUBLISHED.search(value):
            return
        parts = value.split(".")[1:] if value.startswith("eyJ") else [value]
        words = [word for part in parts for word in WORD.findall(part)]
        self.words.update(dict.fromkeys(words, kind))
        if not words and len(value) >= SHORTEST:
            self.phrases[value] = kind

    def look(self, where: str, text: str) -> None:
        """Remember what a text tells that it must not."""
        hidden = "\n".join(bytes.fromhex(found).decode("latin-1") for found in IN_HEX.findall(text))
        plain = PUBLIC.sub("", SEALED.sub("", f"{text}\n{hidden}"))
        found = [*by_shape(plain)]
        found += [(self.words[word], word) for word in set(WORD.findall(plain)) & self.words.keys()]
        found += [(kind, phrase) for phrase, kind in self.phrases.items() if phrase in plain]
        self.leaks |= {Leak(where, kind, value[:6]) for kind, value in found}

    def look_into(self, folder: Path, pattern: str = "*.log") -> None:
        """The same for log files, wherever they lie in a folder."""
        for file in folder.rglob(pattern):
            self.look(str(file.relative_to(folder)), file.read_text(encoding="utf-8", errors="replace"))

    def expect_none(self) -> None:
        """Fail the run that leaked something."""
        told = sorted(map(str, self.leaks))
        if told:
            pytest.fail("\n".join([f"{len(told)} secrets can be read:", *told[:40]]), pytrace=False)

    # --- what clients say and hear

    def heard(self, request: httpx.Request, response: httpx.Response) -> None:
        """Know the secrets of one exchange; a refusal must repeat none."""
        for kind, value in (*_of_request(request), *_of_response(response)):
            self.note(kind, value)
        if response.is_error and response.is_closed:
            where = f"{response.status_code} of {request.method} {request.url.host}{request.url.path[:60]}"
            self.look(where, f"{_without_cookies(response)}\n{response.text.replace(HINT, '')}")


def _of_request(request: httpx.Request) -> Iterator[tuple[str, str]]:
    yield "credential", request.headers.get("authorization", "").partition(" ")[2]
    yield from _cookies(request.headers.get("cookie", ""))
    with suppress(httpx.RequestNotRead):
        yield from _fields(request.headers.get("content-type", ""), request.content, SENT)


def _of_response(response: httpx.Response) -> Iterator[tuple[str, str]]:
    for header in response.headers.get_list("set-cookie"):
        yield from _cookies(header)
    query = parse_qsl(urlsplit(response.headers.get("location", "")).query)
    yield from (("authorization code", value) for name, value in query if name == "code")
    if response.is_closed and response.is_success:
        with suppress(httpx.ResponseNotRead):
            yield from _fields(response.headers.get("content-type", ""), response.content, TOLD)


def _cookies(header: str) -> Iterator[tuple[str, str]]:
    with suppress(CookieError):
        yield from (("cookie", morsel.value) for morsel in SimpleCookie(header).values())


def _fields(media: str, content: bytes, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    text = content.decode("utf-8", errors="replace")
    with suppress(ValueError, RecursionError):
        told: Any = json.loads(text) if "json" in media else dict(parse_qsl(text)) if "form" in media else {}
        if isinstance(told, dict):
            yield from ((name, value) for name in names if isinstance(value := told.get(name), str))


def _without_cookies(response: httpx.Response) -> str:
    # Where a cookie is set is the one place where it may stand, and a redirect hands on its code.
    return "\n".join(f"{name}: {value}" for name, value in response.headers.items() if name != "set-cookie")


@contextmanager
def listening(seen: Seen) -> Iterator[None]:
    """Hear every exchange of every httpx client of this process."""

    def heard(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        response = SEND(client, request, **options)
        seen.heard(request, response)
        return response

    async def heard_async(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        response = await SEND_ASYNC(client, request, **options)
        seen.heard(request, response)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.Client, "send", heard)
        patch.setattr(httpx.AsyncClient, "send", heard_async)
        yield
