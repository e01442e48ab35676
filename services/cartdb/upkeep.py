"""What cartdb does unasked: ends carts that nobody touched, and deletes old idempotency keys. Every replica does it."""

import asyncio
from typing import NoReturn
from uuid import UUID

from prometheus_client import Counter, Gauge

from services.chassis.logs import get_logger
from services.contracts.problems import Problem

from .expiry_store import ExpiryStore

logger = get_logger(__name__)

CARTS_EXPIRED = Counter(
    "cartdb_carts_expired_total", "Carts whose time was over, by what became of them.", ("outcome",)
)
KEYS_DELETED = Counter("cartdb_idempotency_keys_deleted_total", "Idempotency keys that had served their 24 hours.")
LAST_RUN = Gauge("cartdb_upkeep_last_run_seconds", "When this replica last went through all upkeep, in Unix time.")

ENDED = ("emptied", "deleted", "forgotten")
LEFT = "left"


async def end_carts(store: ExpiryStore, *, batch: int) -> None:
    """End every cart whose time is over, but those that somebody uses."""
    while True:
        found = await store.expired_carts(limit=batch)
        outcomes = [await _end(store, *cart) for cart in found]
        if len(found) < batch or set(outcomes) == {LEFT}:
            return


async def _end(store: ExpiryStore, owner_id: str, cart_id: UUID) -> str:
    try:
        outcome = await store.expire(owner_id, cart_id)
    except Problem:
        raise
    except Exception:
        # The others must not wait for it.
        logger.exception("a cart could not be ended", cart_id=str(cart_id))
        return LEFT
    if outcome in ENDED:
        CARTS_EXPIRED.labels(outcome).inc()
    return outcome


async def forget_keys(store: ExpiryStore, *, batch: int) -> None:
    """Delete every idempotency key that has served its time."""
    while owners := await store.owners_of_old_keys(limit=batch):
        for owner in owners:
            KEYS_DELETED.inc(await store.forget_keys(owner))


async def tidy_for_ever(store: ExpiryStore, *, batch: int, pause: float) -> NoReturn:
    """All of it, again and again. What breaks is tried again after the pause."""
    while True:
        try:
            await end_carts(store, batch=batch)
            await forget_keys(store, batch=batch)
            LAST_RUN.set_to_current_time()
        except Problem as trouble:
            logger.warning("upkeep waits for the database", trouble=trouble.slug)
        except Exception:
            logger.exception("upkeep broke")
        await asyncio.sleep(pause)
