"""An authorization request that was found good, and what has to happen before it is answered."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

PROMPTS = frozenset({"none", "login", "create", "select_account", "consent"})


class Step(Enum):
    """What comes next."""

    ANSWER = auto()
    SIGN_IN = auto()
    SIGN_UP = auto()
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """`query` is the request itself, handed from page to page so that nothing has to be remembered for it.

    `subject` is the user whom the client means by its `id_token_hint`: nobody else is answered for.
    """

    client_id: str
    redirect_uri: str
    scope: str
    code_challenge: str
    query: str
    state: str | None = None
    nonce: str | None = None
    login_hint: str = ""
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    resources: str = ""
    subject: str | None = None

    def is_for(self, subject: str | None) -> bool:
        """Whether this user may be the one in the answer."""
        return self.subject is None or self.subject == subject

    def next_step(self, subject: str | None, authenticated_at: datetime | None, now: datetime) -> Step:
        """What to do, given who has signed in in the browser, and when."""
        fresh = authenticated_at is not None and self._is_recent(authenticated_at, now) and self.is_for(subject)
        if "none" in self.prompts:
            return Step.ANSWER if fresh else Step.REFUSE
        if "create" in self.prompts:
            return Step.SIGN_UP
        if not fresh or self.prompts & {"login", "select_account"}:
            return Step.SIGN_IN
        return Step.ANSWER

    def _is_recent(self, authenticated_at: datetime, now: datetime) -> bool:
        return self.max_age is None or (now - authenticated_at).total_seconds() < self.max_age
