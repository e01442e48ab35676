"""Current carts of many owners at once, for whoever watches them: a fan-out, which only reads."""

import json
from collections.abc import Sequence

from services.chassis.database import FastDatabase
from services.contracts.carts import CurrentVersion
from services.contracts.identity import first_cart_id

# Without the limits, which limit nothing, the planner may read whole tables for many owners, each half second anew.
CURRENT_VERSIONS = """
    SELECT json_object_agg(watched.owner_id, json_build_array(c.cart_id, c.version, c.status)) AS versions
    FROM unnest($1::text[]) AS watched (owner_id)
    CROSS JOIN LATERAL (
        SELECT current_cart_id FROM shoppers WHERE owner_id = watched.owner_id LIMIT 1
    ) AS s
    CROSS JOIN LATERAL (
        SELECT cart_id, version, status FROM carts
        WHERE owner_id = watched.owner_id AND cart_id = s.current_cart_id LIMIT 1
    ) AS c
"""


class WatchStore:
    """One question."""

    def __init__(self, database: FastDatabase) -> None:
        self._database = database

    async def versions(self, owners: Sequence[str]) -> list[CurrentVersion]:
        """What each owner's current cart is and how it stands, in one statement."""
        wanted = list(dict.fromkeys(owners))
        row = await self._database.one_statement(CURRENT_VERSIONS, wanted)
        known = json.loads(row["versions"] or "{}") if row is not None else {}
        return [_version(owner, *known.get(owner, ())) for owner in wanted]


def _version(owner_id: str, cart_id: str = "", version: int = 0, status: str = "open") -> CurrentVersion:
    return CurrentVersion.model_validate(
        {
            "owner_id": owner_id,
            "cart_id": cart_id or first_cart_id(owner_id),
            "version": version,
            "status": status,
        }
    )
