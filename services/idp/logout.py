"""RP-initiated logout: whether a client may end a session, and where the browser is sent afterwards."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from .client import Client


def may_end(subject: str | None, hint: Mapping[str, Any] | None) -> bool:
    """Whether the session may end unasked: an ID token shows that the client knows whose it is.

    Args:
        subject: whom the browser's session belongs to; None if there is none, and nothing to be lost.
        hint: the claims of a good ID token.
    """
    return subject is None or (hint is not None and hint.get("sub") == subject)


def leads_to(
    asked: Mapping[str, str], hint: Mapping[str, Any] | None, *, clients: Mapping[str, Client], confirmed: bool
) -> str | None:
    """The client's own address for afterwards, if the client is known for sure: by an ID token or by the user's yes."""
    known_by = hint["azp"] if hint else asked.get("client_id", "") if confirmed else ""
    client, uri = clients.get(known_by), asked.get("post_logout_redirect_uri", "")
    if client is None or asked.get("client_id", known_by) != known_by or uri not in client.post_logout_redirect_uris:
        return None
    state = asked.get("state")
    return f"{uri}?{urlencode({'state': state})}" if state else uri
