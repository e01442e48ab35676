"""Idempotency keys as Stripe's v1 keeps them: the first outcome of a key is its only one.

The key's row and the effect of its request are one transaction, so that a crash leaves both or neither. Stored is what
came of a request once it began to execute, a decline or a broken server included; a request refused before that, or
while the first one runs, leaves nothing.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .refusals import InvalidRequest, KeyReused, StripeRefusal

LONGEST_KEY = 255


class KeyKind(StrEnum):
    """Which API key a request came with. Idempotency keys of one kind mean nothing to the other."""

    SECRET = "secret"  # noqa: S105 - the name of a kind
    PUBLISHABLE = "publishable"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body that have been, or will be, sent."""

    status: int
    body: str
    replayed: bool = False

    @classmethod
    def refusing(cls, refusal: StripeRefusal) -> "Answer":
        """A refusal as an answer: for the refusals that a key keeps."""
        return cls(int(refusal.status), json.dumps(refusal.document(), ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request under an idempotency key."""

    kind: KeyKind
    key: str
    fingerprint: str

    def replay(self, fingerprint: str, answer: Answer) -> Answer:
        """The stored answer again.

        Raises:
            KeyReused: the key was used with another request.
        """
        if fingerprint != self.fingerprint:
            raise KeyReused
        return Answer(answer.status, answer.body, replayed=True)


def checked_key(key: str) -> str:
    """An Idempotency-Key that can be kept.

    Raises:
        InvalidRequest: it is empty, too long, or not printable.
    """
    if not key.strip() or len(key) > LONGEST_KEY or not key.isprintable():
        raise InvalidRequest(f"An Idempotency-Key has 1 to {LONGEST_KEY} printable characters.")
    return key


def fingerprint_of(secret: str, path: str, parameters: Mapping[str, Any]) -> str:
    """What tells one request from another.

    Keyed, because the parameters may hold a card number; without the security code, which nothing may be kept of.
    """
    shown = dict(parameters)
    if isinstance(card := shown.get("card"), dict):
        shown["card"] = {name: value for name, value in card.items() if name != "cvc"}
    request = json.dumps([path, shown], sort_keys=True)
    return hmac.new(secret.encode(), b"request:" + request.encode(), hashlib.sha256).hexdigest()
