"""How many sign-ins may fail in a while, and by what they are counted.

By account and address, few; by account and by address alone, many more, so that neither many addresses on one account
nor one address on many accounts get far. A browser that has signed in to the account before is counted by itself: a
stranger's failures elsewhere never lock its owner out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

WINDOW = timedelta(minutes=5)
OF_ACCOUNT_AND_ADDRESS = 10
OF_ACCOUNT = 100
OF_ADDRESS = 100
# No username and no address is called so.
ANY = "*"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A password typed for a username, from an address, perhaps in a browser with a cookie of an earlier sign-in."""

    username: str
    address: str
    browser: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Counter:
    """Failures of a username from an address; ANY for all of them together."""

    username: str
    address: str
    allowed: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What a counter has come to."""

    username: str
    address: str
    failures: int
    window_started_at: datetime


@dataclass(frozen=True, slots=True)
class Blocked:
    """Too many failures: ask again after so many seconds."""

    seconds: int


def network_of(address: str) -> str:
    """What an address is counted as. A household or an attacker has a whole /64 of IPv6 addresses to choose from."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))


def counters_of(attempt: Attempt, *, known_browser: str | None) -> tuple[Counter, ...]:
    """The counters that a failure adds to, always in the same order: they are locked in it.

    Args:
        known_browser: the name of the browser, if the account's owner has signed in with it before.
    """
    if known_browser is not None:
        return (Counter(attempt.username, f"browser {known_browser}", OF_ACCOUNT_AND_ADDRESS),)
    network = network_of(attempt.address)
    return (
        Counter(attempt.username, network, OF_ACCOUNT_AND_ADDRESS),
        Counter(attempt.username, ANY, OF_ACCOUNT),
        Counter(ANY, network, OF_ADDRESS),
    )


def blocked_by(
    counters: Iterable[Counter], counted: Iterable[Counted], now: datetime, *, including_this: bool = False
) -> Blocked | None:
    """Whether another try must wait, and for how long.

    Args:
        including_this: the failure to be judged is among those counted.
    """
    allowed = {(counter.username, counter.address): counter.allowed + including_this for counter in counters}
    waits = [
        (row.window_started_at + WINDOW - now).total_seconds()
        for row in counted
        if row.failures >= allowed[row.username, row.address]
    ]
    longest = max(waits, default=0.0)
    return Blocked(max(1, round(longest))) if longest > 0 else None
