"""What may be asked for, who may have it, and which services a token is good for."""

from collections.abc import Iterable

from services.contracts.identity import Scope

DEFAULT_SCOPE = "openid"
IDENTITY_SCOPES = ("openid", "profile", "email", "offline_access")
PRIVILEGES = (Scope.OPERATOR.value, Scope.CATALOG_WRITE.value)
USER_AUDIENCES = ("controller", "cartdb")

SERVICE_AUDIENCE = {
    Scope.CART_GUEST.value: "cartdb",
    Scope.CART_CHECKOUT.value: "cartdb",
    Scope.CART_WATCH.value: "cartdb",
    Scope.STOCK_CHECKOUT.value: "catalog",
    Scope.CATALOG_WRITE.value: "catalog",
}
SERVICE_ONLY = frozenset(SERVICE_AUDIENCE) - frozenset(PRIVILEGES)


def words(scope: str | None) -> list[str]:
    """The scope's words, each once, in the order asked."""
    return list(dict.fromkeys((scope or "").split()))


def for_user(asked: str, privileges: Iterable[str]) -> str:
    """What a user is granted of what was asked: identity for everybody, a privilege to those who have it."""
    grantable = {*IDENTITY_SCOPES, *privileges}
    return " ".join(word for word in words(asked) if word in grantable)


def user_audiences(scope: str) -> list[str]:
    """The services that take a user's token of this scope."""
    catalog = ["catalog"] if Scope.CATALOG_WRITE.value in words(scope) else []
    return [*USER_AUDIENCES, *catalog]


def narrowed(audiences: Iterable[str], *, granted: str, asked: Iterable[str]) -> tuple[str, ...] | None:
    """Those of the audiences that a token is asked for (RFC 8707); None if one of them cannot be had.

    Args:
        granted: the resources that the authorization named; none stands for all.
        asked: those that this request names; none stands for all that were granted.
    """
    within = set(words(granted))
    allowed = tuple(audience for audience in audiences if not within or audience in within)
    if not allowed or not set(asked) <= set(allowed):
        return None
    return tuple(audience for audience in allowed if not asked or audience in asked)
