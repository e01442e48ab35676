"""Telling an endpoint of an event: whom, signed how, and how often it is tried again.

At least once, and in no order: an answer that is lost is a try that failed, and a later event may be through sooner.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .refusals import InvalidRequest

EVERYTHING = "*"
MOST_ENDPOINTS = 16

FIRST_PAUSE = timedelta(seconds=1)
GROWTH = 3
LONGEST_PAUSE = timedelta(hours=8)
TRIED_FOR = timedelta(days=3)
SPREAD = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address that wants to hear of events. The secret has to be known again, since every delivery is signed."""

    id: str
    url: str
    secret: str = field(repr=False)
    enabled_events: tuple[str, ...]
    enabled: bool = True
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One try to tell one endpoint of one event: the how-manieth, and how old the event is by now."""

    event: str
    endpoint: str
    url: str
    secret: str = field(repr=False)
    body: str = field(repr=False)
    attempts: int
    age: timedelta


def new_secret() -> str:
    """A secret to sign with, that nobody can guess."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def signature(secret: str, body: str, *, at: int) -> str:
    """The `Stripe-Signature` of a body, at so many seconds since 1970."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def pause_after(attempts: int, *, age: timedelta, chance: float) -> timedelta | None:
    """How long to wait after so many tries that failed; None to give up.

    Args:
        age: how long ago the event was.
        chance: from 0 to 1; spreads those that failed together.
    """
    grown = FIRST_PAUSE * GROWTH ** min(attempts - 1, 20)
    pause = min(grown, LONGEST_PAUSE) * (1 + SPREAD * (2 * chance - 1))
    return None if age + pause > TRIED_FOR else pause


def expect_room(endpoints: int) -> None:
    """Refuse one endpoint too many.

    Raises:
        InvalidRequest: there are as many as there may be.
    """
    if endpoints >= MOST_ENDPOINTS:
        raise InvalidRequest(f"There may be {MOST_ENDPOINTS} webhook endpoints: delete one first.")


def merged(kept: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Metadata after a change: an empty value takes its key away, an empty group all of them."""
    return {name: value for name, value in {**kept, **given}.items() if value} if given else {}
