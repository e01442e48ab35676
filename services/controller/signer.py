"""Session ids that nobody can choose, and what a row or a cookie keeps sealed."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet

from services.contracts.identity import guest_owner_id


class Signer:
    """Makes and checks session ids, and hides what a row must keep."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._box = Fernet(base64.urlsafe_b64encode(self._derive("box", "tokens")))

    def _derive(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}:{text}".encode(), "sha256")

    def new_id(self) -> str:
        """A new signed id: 256 random bits, the time of issue, the signature."""
        body = f"{secrets.token_urlsafe(32)}.{int(time.time())}"
        return f"{body}.{self._signature(body)}"

    def _signature(self, body: str) -> str:
        return base64.urlsafe_b64encode(self._derive("session", body)).decode().rstrip("=")

    def issued_at(self, session_id: str) -> float | None:
        """When the id was issued; None if we did not issue it."""
        body, _, signature = session_id.rpartition(".")
        _, _, issued = body.rpartition(".")
        genuine = hmac.compare_digest(self._signature(body).encode(), signature.encode(errors="replace"))
        return float(issued) if genuine else None

    def guest_owner(self, session_id: str) -> str:
        """The owner id of the guest behind the id."""
        return guest_owner_id(UUID(bytes=self._derive("guest", session_id)[:16], version=4))

    def seal(self, content: dict[str, Any]) -> bytes:
        """Encrypt something small."""
        return self._box.encrypt(json.dumps(content).encode())

    def unseal(self, sealed: bytes | str, *, max_age_seconds: int | None = None) -> dict[str, Any]:
        """Decrypt it.

        Raises:
            InvalidToken: it is not ours, or too old.
        """
        content: dict[str, Any] = json.loads(self._box.decrypt(sealed, ttl=max_age_seconds))
        return content


def hash_of(session_id: str) -> bytes:
    """What the row is found by."""
    return hashlib.sha256(session_id.encode()).digest()
