"""What a fault script can do to this service beyond HTTP: the wrong answers that a relying party has to refuse.

    {"name": "wrong_answer", "answer": "id_token_wrong_nonce"}                            the next one that is so
    {"name": "wrong_answer", "answer": "id_token_wrong_sub", "grant": "refresh_token"}    only at a refresh
    {"name": "wrong_answer", "answer": "userinfo_another_sub", "client": "controller", "username": "alice"}

The answers are those of the relying party plans of OpenID's conformance suite, and more of the kind; docs/bad-days.md
says what each is and what must become of it. An answer is made as always and altered when it is finished: what it says
was used up or given out is so. A rule waits for an answer that it can alter, and counts no other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import parse_qsl

from pydantic import AfterValidator, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.faults import Asked, Effect, HttpEffect, Script

from .alterations import ALTERATIONS, JWKS, PATHS, Finished, Signing, is_good
from .client import Client


def _known(name: str) -> str:
    if name not in ALTERATIONS:
        raise ValueError("must be the name of a wrong answer")
    return name


class WrongAnswer(Effect):
    """Alters one answer.

    Attributes:
        client: to whom; empty is anybody.
        username: about whom; empty is anybody. Keys and metadata are about nobody.
        grant: of a token answer, what it was given for; empty is a code or a refresh token.
    """

    name: Literal["wrong_answer"]
    answer: Annotated[str, AfterValidator(_known), Field(description="one of those in docs/bad-days.md")]
    client: str = ""
    username: str = ""
    grant: Literal["", "authorization_code", "refresh_token"] = ""


Effects = HttpEffect | WrongAnswer


def _wanted(effect: WrongAnswer, answer: Finished) -> bool:
    return (
        ALTERATIONS[effect.answer].fits(answer)
        and effect.client in ("", answer.client_id())
        and effect.grant in ("", answer.request.get("grant_type"))
        and effect.username in ("", answer.about().get("preferred_username"))
    )


class WrongAnswers:
    """Lets the script have its way with finished answers."""

    def __init__(self, app: ASGIApp, *, script: Script, clients: Mapping[str, Client]) -> None:
        self._app = app
        self._script = script
        self._signing = Signing(clients)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        asked, told = bytearray(), _Kept()

        async def heard() -> Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        await self._app(scope, heard, told.take)
        if told.start is not None:
            answer = Finished(
                path=scope["path"],
                request=_parameters(scope, bytes(asked)),
                status=told.start["status"],
                headers=MutableHeaders(raw=list(told.start["headers"])),
                body=bytes(told.body),
                signing=self._signing,
            )
            self._signing.ring = (await scope["state"]["provider"].ring.keys()).signing
            self._alter(answer, Asked(scope["method"], scope["path"]))
            await _send(answer, told.start, send)

    def _alter(self, answer: Finished, asked: Asked) -> None:
        if self._signing.script != self._script.number:
            self._signing.published.clear()
            self._signing.script = self._script.number
        if is_good(JWKS)(answer) and self._signing.published:
            more = [key.as_dict(private=False) for key in self._signing.published]
            answer.tell({"keys": [*answer.json["keys"], *more]})
        if effect := self._script.take(WrongAnswer, asked=asked, wanted=lambda effect: _wanted(effect, answer)):
            ALTERATIONS[effect.answer].make(answer)


@dataclass
class _Kept:
    """An answer on its way out, kept back."""

    start: Message | None = None
    body: bytearray = field(default_factory=bytearray)

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        self.body.extend(message.get("body", b""))


def _parameters(scope: Scope, body: bytes) -> dict[str, str]:
    form = Headers(scope=scope).get("content-type", "").startswith("application/x-www-form-urlencoded")
    pairs: Iterable[tuple[str, str]] = parse_qsl(scope["query_string"].decode("latin-1"))
    return dict([*pairs, *parse_qsl(body.decode("latin-1") if form else "")])


async def _send(answer: Finished, start: Message, send: Send) -> None:
    answer.headers["content-length"] = str(len(answer.body))
    await send({**start, "status": answer.status, "headers": answer.headers.raw})
    await send({"type": "http.response.body", "body": answer.body})
