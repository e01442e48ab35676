"""Moving a guest's carts to the user who signed in: freeze, apply, close. Each may be repeated; reconcile finishes."""

from dataclasses import dataclass
from functools import partial

from services.chassis.logs import get_logger
from services.contracts.carts import Freeze, Frozen, MergeStrategy, PreviewMerge, Receipt
from services.contracts.identity import owner_id_of
from services.contracts.problems import MergeIsDecided, MergeNotFound, OutcomeNotKnown, Problem, Refused, Undecided
from services.contracts.shop import OpenMerge

from .authority import Authority
from .clients import Carts
from .provider import ServiceToken
from .reconcile import a_few_at_once
from .session import Session, Sessions, merge_id_of
from .session_rows import SessionRow

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that stands; the receipt is None while the user's cart is being paid for."""

    frozen: Frozen
    receipt: Receipt | None
    first: bool


class Adoption:
    """Never blocks a sign-in: what fails is tried again at the session's next request, or in a while."""

    def __init__(self, *, carts: Carts, sessions: Sessions, guest_token: ServiceToken) -> None:
        self._carts = carts
        self._sessions = sessions
        self._guest_token = guest_token

    async def catch_up(self, *, older_than: float) -> None:
        """Move what sign-ins left behind that no next request came for, and see which guests ever bought anything.

        A sign-in's answer may never have reached its browser, or the shopper signed out at once, or never decided.

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
        row = (await self._move(session)).row
        return row is not None and row.merge_done

    async def _is_read(self, guest: str) -> bool:
        try:
            orders = await self._carts.purchases(self._as(guest), limit=1, before=None)
        except Problem:
            return False
        await self._sessions.read_guest(guest, has_orders=bool(orders))
        return True

    # --- without being asked

    async def begin(self, session: Session) -> Session:
        """Move what there is to move at the sign-in. Who is to be asked is only if there is something to decide."""
        if session.undecided and await self._has_lines(session) is not False:
            return session
        return await self._move(session)

    async def carry_out(self, session: Session) -> Session:
        """Move what there is to move, but for what the shopper has still to decide; the session as it then is."""
        return session if session.undecided else await self._move(session)

    async def _move(self, session: Session) -> Session:
        row = session.row
        if row is None or row.merge_done or row.issuer is None:
            return session
        match await self._freeze(row, MergeStrategy(row.merge_strategy)):
            case Frozen(lines=[]) | Refused():
                return await self._sessions.merged(session, moved=False)
            case Frozen() as frozen:
                await self._finish(frozen)
                # Frozen is enough to call it done: from here on reconcile brings it to its end.
                return await self._sessions.merged(session, moved=True)
            case _:
                logger.warning("the guest's cart could not be moved yet")
                return session

    async def _freeze(self, row: SessionRow, strategy: MergeStrategy) -> Frozen | Refused | Undecided:
        target = _target(row)
        command = Freeze(merge_id=merge_id_of(row.guest_owner, target), target_owner=target, strategy=strategy)
        return await self._carts.freeze(self._as(row.guest_owner), command)

    async def _finish(self, frozen: Frozen) -> Receipt | None:
        receipt = await self._carts.apply(frozen.target_owner, frozen)
        if not isinstance(receipt, Receipt):
            return None
        await self._carts.close(frozen)
        return receipt

    # --- by the shopper's decision

    async def is_pending(self, session: Session | None) -> bool:
        """Whether the shopper has something to decide."""
        return session is not None and session.undecided and await self._has_lines(session) is True

    async def preview(self, who: Authority, session: Session | None, strategy: MergeStrategy | None) -> OpenMerge:
        """What the decision would do: by one strategy or by each.

        Raises:
            MergeNotFound: there is nothing to decide.
            MergeIsDecided: not any more.
        """
        row = _signed_in(session)
        if row.merge_done:
            raise MergeIsDecided(merge_id=str(row.merge_id))
        lines = await self._carts.movable(self._as(row.guest_owner))
        if not lines:
            raise MergeNotFound("There is nothing to merge.")
        previews = await self._carts.preview_merge(who, PreviewMerge(lines=lines, strategy=strategy))
        assert session is not None
        assert session.decide_before is not None
        return OpenMerge(
            merge_id=merge_id_of(row.guest_owner, _target(row)),
            cart_id=previews.cart_id,
            version=previews.version,
            default_strategy=MergeStrategy(row.merge_strategy),
            decide_before=session.decide_before,
            previews=previews.previews,
        )

    async def decide(self, session: Session | None, strategy: MergeStrategy) -> Decided:
        """Move the lines as the shopper says. The first decision holds; the same one again agrees.

        Raises:
            MergeNotFound: there is nothing to decide.
            MergeIsDecided: in another way.
        """
        row = _signed_in(session)
        assert session is not None
        frozen = await self._freeze(row, strategy)
        if isinstance(frozen, Refused):
            raise frozen.problem
        if not isinstance(frozen, Frozen):
            raise OutcomeNotKnown(
                "The cartdb service did not answer: the same decision again agrees.", service="cartdb"
            )
        moved = bool(frozen.lines)
        receipt = await self._finish(frozen) if moved else None
        if not row.merge_done:
            await self._sessions.merged(session, moved=moved)
        if not moved:
            raise MergeNotFound("There is nothing to merge.")
        taken = receipt.strategy if receipt else frozen.strategy
        if taken is not strategy:
            raise MergeIsDecided(merge_id=str(frozen.merge_id), strategy=taken.value)
        return Decided(frozen, receipt, first=not row.merge_done)

    async def _has_lines(self, session: Session) -> bool | None:
        """Whether the guest left lines; None while nobody can tell."""
        try:
            return bool(await self._carts.movable(self._as(session.guest_owner)))
        except Problem:
            return None

    # --- the guests of a user

    async def guests_of(self, owner_id: str) -> list[Authority]:
        """The guests that a user was, as cartdb knows them."""
        return [self._as(guest) for guest in await self._sessions.guests_of(owner_id)]

    def _as(self, guest: str) -> Authority:
        return Authority(self._guest_token, owner=guest)


def _signed_in(session: Session | None) -> SessionRow:
    row = session.row if session is not None and session.signed_in else None
    if row is None or not (row.merge_id if row.merge_done else row.merge_ask):
        raise MergeNotFound("There is nothing to merge: no guest of this session has signed in with a full cart.")
    return row


def _target(row: SessionRow) -> str:
    return owner_id_of(str(row.issuer), str(row.subject))
