"""Bad days by script, for tests and for trying: rules that make a service late, silent or wrong on purpose.

    PUT    /_test/faults  {"rules": [{"match": {…}, "times": 2, "effect": {"name": "drop_after"}}]} replaces the script
    GET    /_test/faults  the rules, and how often each was hit
    DELETE /_test/faults  no rules

A request meets the first rule that fits it and has uses left. The script lives in this process: it ends with it, and
another replica has another one. Nothing here exists unless FAULT_SCRIPTS asks for it, which production refuses.
"""

import asyncio
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

from fastapi import APIRouter, Request, params
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.contracts.problems import InternalError, Problem, RequestInProgress, TooManyRequests, ValidationFailed

PATH = "/_test/faults"
CUT = "services.cut"
SPARED = ("/_test/", "/health/", "/metrics")
LONGEST_SECONDS = 600.0

Seconds = Annotated[float, Field(gt=0, le=LONGEST_SECONDS, description="a number above 0, at most 600")]

E = TypeVar("E", bound="Effect")
Refusal = Callable[[HTTPStatus], Problem]


class Strict(BaseModel):
    """What is misspelt is refused: a rule that never fits would look like a service that copes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _pattern(given: str) -> str:
    try:
        re.compile(given)
    except re.error as wrong:
        raise ValueError("must be a regular expression") from wrong
    return given


class Match(Strict):
    """Which requests: all that is given must fit, nothing given fits every request.

    Attributes:
        path: how the path begins.
        path_regex: what the whole path looks like.
        key: how the Idempotency-Key begins.
    """

    method: str | None = None
    path: str | None = None
    path_regex: Annotated[str, AfterValidator(_pattern)] | None = None
    key: str | None = None

    def fits(self, asked: "Asked") -> bool:
        return (
            (self.method is None or self.method.upper() == asked.method)
            and (self.path is None or asked.path.startswith(self.path))
            and (self.path_regex is None or re.fullmatch(self.path_regex, asked.path) is not None)
            and (self.key is None or (asked.key or "").startswith(self.key))
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as rules look at it."""

    method: str
    path: str
    key: str | None = None


class Effect(Strict):
    """What a rule does; its `name` tells which."""

    name: str


class Delay(Effect):
    """Waits before the work, or between the work and its answer."""

    name: Literal["delay_before", "delay_after"]
    seconds: Seconds


class Drop(Effect):
    """Closes the connection without an answer: before anything is done, or when the work is committed."""

    name: Literal["drop_before", "drop_after"]


class Fail(Effect):
    """Answers with a failure: instead of the work, or instead of the answer to the committed work."""

    name: Literal["fail_before", "fail_after"]
    status: Annotated[int, Field(ge=400, le=599, description="a whole number from 400 to 599")] = 500


class Busy(Effect):
    """Refuses because another request is at work on the same thing."""

    name: Literal["busy"]


class RateLimited(Effect):
    """Refuses because there were too many requests."""

    name: Literal["rate_limited"]
    retry_after: Annotated[int, Field(ge=0, le=600, description="a whole number of seconds from 0 to 600")] = 1


HTTP_EFFECTS = (Delay, Drop, Fail, Busy, RateLimited)
HttpEffect = Delay | Drop | Fail | Busy | RateLimited


class Rule(Strict, Generic[E]):
    """An effect, for which requests, and for how many of them; null is all."""

    match: Match = Match()
    times: Annotated[int | None, Field(ge=1, description="a whole number from 1, or null for all")] = 1
    effect: E


class Rules(Strict, Generic[E]):
    """A whole script."""

    rules: list[Rule[E]]


_asked: ContextVar[Asked | None] = ContextVar("asked", default=None)


class Script:
    """The rules in force."""

    def __init__(self, effects: Any = HttpEffect) -> None:
        """Know the effects that there are.

        Args:
            effects: their union.
        """
        self._shape: TypeAdapter[Rules[Effect]] = TypeAdapter(Rules[Annotated[effects, Field(discriminator="name")]])
        self._kinds: dict[str, type[Effect]] = {
            name: kind for kind in get_args(effects) for name in get_args(kind.model_fields["name"].annotation)
        }
        self._rules: list[Rule[Effect]] = []
        self._hits: list[int] = []
        self.number = 0
        """How many scripts there have been."""

    def replace(self, document: bytes) -> None:
        """Take other rules.

        Raises:
            ValidationError: they are not rules.
        """
        self._rules = self._shape.validate_json(document).rules
        self._hits = [0] * len(self._rules)
        self.number += 1

    def refusal(self, wrong: ValidationError) -> Exception:
        """What a caller is told whose rules are none: each place, and what may stand there."""
        errors = wrong.errors()
        if any(error["type"] == "json_invalid" for error in errors):
            return RequestValidationError(errors)
        told = [
            {
                "field": ".".join(str(part) for part in error["loc"]),
                "message": self._words(error),
                "type": error["type"],
            }
            for error in errors
        ]
        return ValidationFailed(" ".join(f"{one['field']}: {one['message']}" for one in told), errors=told)

    def _words(self, error: ErrorDetails) -> str:
        names, place = ", ".join(sorted(self._kinds)), error["loc"]
        shape: type[BaseModel] = next((self._kinds[str(part)] for part in place if part in self._kinds), Rule)
        outside: dict[int, type[BaseModel]] = {1: Rules, 4: Match}
        shape = outside.get(len(place), shape) if shape is Rule else shape
        field = shape.model_fields.get(str(place[-1])) if place else None
        allowed = field.description if field else None
        match error["type"]:
            case "union_tag_invalid":
                return f"there is no effect {str(error['ctx']['tag'])[:64]!r} here. There are {names}."
            case "union_tag_not_found":
                return f"an effect has a name, one of {names}."
            case "extra_forbidden":
                return f"there is no such member. There are {', '.join(shape.model_fields)}."
            case "missing":
                return f"this is needed: {allowed}." if allowed else "this is needed."
            case _:
                return f"this must be {allowed}." if allowed else f"{error['msg']}."

    def clear(self) -> None:
        """Have no rules."""
        self._rules, self._hits = [], []
        self.number += 1

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        """The rules with their hits."""
        told = [rule.model_dump(exclude_none=True) | {"times": rule.times} for rule in self._rules]
        return {"rules": [{**rule, "hits": hits} for rule, hits in zip(told, self._hits, strict=True)]}

    def take(
        self, *kinds: type[E], asked: Asked | None = None, wanted: Callable[[E], bool] = lambda _: True
    ) -> E | None:
        """The effect of the first rule of these kinds that fits, used once more; None if none does.

        Args:
            asked: the request; unless given, the one that this task is at work on.
        """
        request = asked or _asked.get()
        for place, rule in enumerate(self._rules):
            effect = rule.effect
            used_up = rule.times is not None and self._hits[place] >= rule.times
            if used_up or not isinstance(effect, kinds) or not wanted(effect):
                continue
            if request is None or rule.match.fits(request):
                self._hits[place] += 1
                return effect
        return None


def failure(status: HTTPStatus) -> Problem:
    """A failure of any status, as problem+json."""
    kind = type("Scripted", (InternalError,), {"status": status, "title": "A fault script made this fail."})
    made: Problem = kind()
    return made


@dataclass(frozen=True, slots=True)
class Faults:
    """A service's script, how it tells a failure, and what its script's address demands."""

    script: Script
    refusal: Refusal = failure
    guard: params.Depends | None = None

    def router(self) -> APIRouter:
        """The address of the script, which no API page shows."""
        router = APIRouter(include_in_schema=False, dependencies=[self.guard] if self.guard else [])

        @router.put(PATH)
        async def replace(request: Request) -> dict[str, Any]:
            try:
                self.script.replace(await request.body())
            except ValidationError as wrong:
                raise self.script.refusal(wrong) from wrong
            return self.script.shown()

        @router.get(PATH)
        async def show() -> dict[str, Any]:
            return self.script.shown()

        @router.delete(PATH, status_code=204)
        async def clear() -> None:
            self.script.clear()

        return router


class FaultScripts:
    """Lets the script have its way with each request; health, metrics and the script's own address are spared."""

    def __init__(self, app: ASGIApp, *, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(SPARED):
            await self._app(scope, receive, send)
            return
        asked = Asked(scope["method"], scope["path"], Headers(scope=scope).get("idempotency-key"))
        _asked.set(asked)
        match self._faults.script.take(*HTTP_EFFECTS, asked=asked):
            case None:
                await self._app(scope, receive, send)
            case Delay(seconds=seconds) as delay:
                await self._delayed(delay.name == "delay_before", seconds, (scope, receive, send))
            case Drop() as drop:
                if drop.name == "drop_after":
                    await self._app(scope, receive, _to_nobody)
                await _cut(scope, receive)
            case Fail(status=status) as fail:
                if fail.name == "fail_after":
                    await self._app(scope, receive, _to_nobody)
                raise self._faults.refusal(HTTPStatus(status))
            case Busy():
                raise RequestInProgress
            case RateLimited(retry_after=seconds):
                raise TooManyRequests(headers={"Retry-After": str(seconds)})

    async def _delayed(self, before: bool, seconds: float, exchange: tuple[Scope, Receive, Send]) -> None:  # noqa: FBT001
        scope, receive, send = exchange
        if before:
            await asyncio.sleep(seconds)

        async def late(message: Message) -> None:
            if message["type"] == "http.response.start" and not before:
                await asyncio.sleep(seconds)
            await send(message)

        await self._app(scope, receive, late)


async def _to_nobody(_: Message) -> None:
    """Where an answer goes that nobody is to get."""


async def _cut(scope: Scope, receive: Receive) -> None:
    scope["extensions"][CUT]["now"]()
    # The server takes an application that returns without an answer for broken, unless it knows that the caller left.
    while (await receive())["type"] != "http.disconnect":
        pass
