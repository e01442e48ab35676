"""On whose behalf cartdb is asked: a user by their own token, a guest by the controller's."""

from dataclasses import dataclass
from typing import Protocol

from services.contracts.identity import CART_OWNER_HEADER
from services.contracts.problems import Undecided


class Credential(Protocol):
    """Where an Authorization header comes from."""

    async def authorization(self) -> str | Undecided: ...
    def forget(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Authority:
    """A credential for cartdb, and the owner that a service's credential speaks for, or the user whose own it is."""

    credential: Credential
    owner: str | None = None
    user: str | None = None

    @property
    def speaks_for(self) -> str | None:
        """Whose carts it reaches, as far as the credential is one shopper's."""
        return self.owner or self.user

    def headers(self, *, key: str | None = None, expected: int | None = None) -> dict[str, str]:
        """The headers of a call under this authority."""
        wanted = {
            CART_OWNER_HEADER: self.owner,
            "Idempotency-Key": key,
            "If-Match": None if expected is None else f'"{expected}"',
        }
        return {name: value for name, value in wanted.items() if value is not None}
