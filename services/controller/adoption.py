"""Moving a guest's carts to the user who signed in: freeze, apply, close. Each may be repeated; reconcile finishes."""

from functools import partial

from services.chassis.logs import get_logger
from services.contracts.carts import Freeze, Frozen, MergeStrategy, Receipt
from services.contracts.identity import owner_id_of
from services.contracts.problems import Problem, Refused

from .authority import Authority
from .clients import Carts
from .provider import ServiceToken
from .reconcile import a_few_at_once
from .session import Session, Sessions, merge_id_of

logger = get_logger(__name__)


class Adoption:
    """Never blocks a sign-in: what fails is tried again at the session's next request, or in a while."""

    def __init__(self, *, carts: Carts, sessions: Sessions, guest_token: ServiceToken) -> None:
        self._carts = carts
        self._sessions = sessions
        self._guest_token = guest_token

    async def catch_up(self, *, older_than: float) -> None:
        """Move what sign-ins left behind that no next request came for, and see which guests ever bought anything.

        A sign-in's answer may never have reached its browser, or the shopper signed out at once.

        Raises:
            ExceptionGroup: some broke; the others have been dealt with all the same.
        """
        left = await self._sessions.unmerged(older_than=older_than)
        moved = await a_few_at_once(partial(self._is_moved, session) for session in left)
        unread = await self._sessions.unread_guests()
        read = await a_few_at_once(partial(self._is_read, guest) for guest in unread)
        if read.count(False):
            logger.warning("nobody can tell yet whether some guests have orders", guests=read.count(False))
        if broken := [ending for ending in (*moved, *read) if isinstance(ending, Exception)]:
            raise ExceptionGroup("sign-ins of a round broke", broken)

    async def _is_moved(self, session: Session) -> bool:
        row = (await self.carry_out(session)).row
        return row is not None and row.merge_done

    async def _is_read(self, guest: str) -> bool:
        try:
            orders = await self._carts.purchases(Authority(self._guest_token, owner=guest), limit=1, before=None)
        except Problem:
            return False
        await self._sessions.read_guest(guest, has_orders=bool(orders))
        return True

    async def carry_out(self, session: Session) -> Session:
        """Move what there is to move, and answer the session as it then is."""
        row = session.row
        if row is None or row.merge_done or row.issuer is None or row.subject is None:
            return session
        target = owner_id_of(row.issuer, row.subject)
        command = Freeze(
            merge_id=merge_id_of(row.guest_owner, target),
            target_owner=target,
            strategy=MergeStrategy(row.merge_strategy),
        )
        match await self._carts.freeze(Authority(self._guest_token, owner=row.guest_owner), command):
            case Frozen(lines=[]) | Refused():
                return await self._sessions.merged(session, moved=False)
            case Frozen() as frozen:
                if isinstance(await self._carts.apply(target, frozen), Receipt):
                    await self._carts.close(frozen)
                # Frozen is enough to call it done: from here on reconcile brings it to its end.
                return await self._sessions.merged(session, moved=True)
            case _:
                logger.warning("the guest's cart could not be moved yet")
                return session

    async def guests_of(self, owner_id: str) -> list[Authority]:
        """The guests that a user was, as cartdb knows them."""
        return [Authority(self._guest_token, owner=guest) for guest in await self._sessions.guests_of(owner_id)]
