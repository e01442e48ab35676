"""What the provider does unasked: makes its first key and the demo accounts, and deletes what has ended."""

import asyncio
from typing import NoReturn

from sqlalchemy.exc import SQLAlchemyError

from services.chassis.logs import get_logger
from services.contracts.problems import Problem

from .account import DemoAccount
from .provider import Provider

logger = get_logger(__name__)

PAUSE_SECONDS = 1.0
SWEEP_SECONDS = 3600.0
DATABASE_TROUBLE = (Problem, SQLAlchemyError)


async def prepare(provider: Provider, demo_accounts: tuple[DemoAccount, ...]) -> None:
    """Have a signing key and the demo accounts, as soon as the database answers."""
    while True:
        try:
            await provider.ring.keys()
            for account in demo_accounts:
                await _add(provider, account)
        except DATABASE_TROUBLE as trouble:
            logger.warning("the database is not ready", trouble=type(trouble).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
        except Exception:
            # Nobody awaits this task until somebody asks whether the service is ready.
            logger.exception("preparation failed")
            raise
        else:
            return


async def _add(provider: Provider, account: DemoAccount) -> None:
    # An account that somebody signed up under this name before stays theirs, without the privileges.
    await provider.store.add_account(
        username=account.username,
        name=account.name,
        email=account.email,
        password_hash=await provider.passwords.hash(account.password),
        privileges=" ".join(account.privileges),
    )


async def sweep(provider: Provider) -> NoReturn:
    """Delete what has ended, every hour."""
    while True:
        try:
            await provider.store.sweep()
            await provider.tries.sweep()
        except DATABASE_TROUBLE as trouble:
            logger.warning("sweep failed", trouble=type(trouble).__name__)
        await asyncio.sleep(SWEEP_SECONDS)
