"""What an account needs: username, password, perhaps an e-mail address; and the accounts of demonstrations."""

import re
from dataclasses import dataclass, field

from services.contracts.identity import Scope

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,63}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}")
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200
LONGEST_EMAIL = 254


def username_of(typed: str) -> str:
    """The username that was meant: case and outer spaces do not matter."""
    return typed.strip().lower()


def could_be_username(typed: str) -> bool:
    """Whether an account may have this name."""
    return _USERNAME.fullmatch(typed) is not None


@dataclass(frozen=True, slots=True)
class SignUp:
    """A filled-in sign-up form."""

    username: str
    password: str = field(repr=False)
    email: str | None = None

    def objections(self) -> dict[str, str]:
        """What is wrong, by field, in words for the person who typed it."""
        told = {}
        if not could_be_username(self.username):
            told["username"] = "3 to 64 letters, digits or . _ - @ +, beginning with a letter or digit."
        if len(self.password) < SHORTEST_PASSWORD:
            told["password"] = f"At least {SHORTEST_PASSWORD} characters."
        if len(self.password) > LONGEST_PASSWORD:
            told["password"] = f"At most {LONGEST_PASSWORD} characters."
        if self.email and (len(self.email) > LONGEST_EMAIL or not _EMAIL.fullmatch(self.email)):
            told["email"] = "This does not look like an e-mail address."
        return told


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account whose password is published."""

    username: str
    privileges: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.username.capitalize()

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"

    @property
    def password(self) -> str:
        return f"{self.username}-demo-password"


DEMO_ACCOUNTS = (
    DemoAccount("alice"),
    DemoAccount("bob"),
    DemoAccount("olga", (Scope.OPERATOR.value, Scope.CATALOG_WRITE.value)),
)
