"""The transactions that change what payments keeps. An intent's row is locked by whoever moves it."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.app import new_id
from services.chassis.database import Database
from services.contracts.payments import IntentStatus

from . import commands, wire
from .delivery_store import queue, told_well, undelivered
from .event import AFTER_STEP, Event, EventType
from .idempotency import Answer, Attempt
from .idempotency_store import TELLS, Clock, Once
from .page_store import page_of
from .payment import Confirmation, Intent, PaymentMethod, Refund
from .processor import Outcome, Vault, Verdict
from .refusals import (
    CardRefused,
    InvalidRequest,
    NoSuchObject,
    RefundRefused,
    UnexpectedState,
)
from .rows import ChargeRow, EventRow, IntentRow, PaymentMethodRow, RefundRow, Row, frozen

Authorise = Callable[[Outcome], Verdict]


def _new_id(prefix: str) -> str:
    return f"{prefix}_{new_id().replace('-', '')}"


class Store:
    """Each method is one transaction. What it answers is committed."""

    def __init__(self, database: Database, vault: Vault, once: Once, *, authorise: Authorise, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._once = once
        self._authorise = authorise
        self._clock = clock

    async def create_method(self, attempt: Attempt | None, command: commands.CreatePaymentMethod) -> Answer:
        """Keep a card, and answer the token that stands for it."""

        async def work(session: AsyncSession) -> Answer:
            now = self._clock()
            method = PaymentMethod(
                id=_new_id("pm"),
                card=self._vault.keep(command.card.details(), today=now.date()),
                billing_details=command.billing_details.model_dump(),
                metadata=command.metadata,
                created_at=now,
            )
            await _put(session, PaymentMethodRow.of(method))
            return Answer(200, wire.encoded(wire.shown_method(method)))

        return await self._once(attempt, work)

    async def get_method(self, method_id: str) -> wire.PaymentMethod:
        """A payment method, or what a ready-made token would be."""
        if fresh := self._ready_made(method_id):
            return wire.shown_method(replace(fresh, id=method_id))
        row = await self._database.transact(lambda session: session.get(PaymentMethodRow, method_id))
        if row is None:
            raise NoSuchObject("There is no such payment method.")
        return wire.shown_method(row.method())

    async def create_intent(self, attempt: Attempt | None, command: commands.CreatePaymentIntent) -> Answer:
        """Open an intent, and confirm it at once if that is asked for."""

        async def work(session: AsyncSession) -> Answer:
            intent = Intent(
                id=_new_id("pi"),
                amount=command.amount,
                currency=command.currency,
                status=IntentStatus.REQUIRES_PAYMENT_METHOD,
                created_at=self._clock(),
                allowed_payment_method_types=frozen(command.allowed_payment_method_types),
                automatic_payment_methods=command.automatic_redirects,
                capture_method=command.capture_method,
                description=command.description,
                receipt_email=command.receipt_email,
                metadata=command.metadata,
            )
            method = await self._method(session, command.payment_method) if command.payment_method else None
            row = IntentRow.of(intent.with_method(method.id) if method else intent)
            await _put(session, row)
            await self._tell(session, attempt, EventType.CREATED, await _shown_one(session, row.intent()))
            if method is None or not command.confirm:
                return await _answered(session, row.intent())
            return await self._confirmed(
                session, attempt, row, method, error_on_requires_action=bool(command.error_on_requires_action)
            )

        return await self._once(attempt, work)

    async def confirm_intent(
        self, attempt: Attempt | None, intent_id: str, command: commands.ConfirmPaymentIntent
    ) -> Answer:
        """Charge the card, if the intent allows it and the card does."""

        async def work(session: AsyncSession) -> Answer:
            row = await self._locked(session, intent_id)
            intent = row.intent()
            try:
                chosen = intent.expect_confirmable(command.payment_method)
            except UnexpectedState as refusal:
                return await _refused(session, refusal, intent)
            method = await self._method(session, chosen)
            return await self._confirmed(
                session, attempt, row, method, error_on_requires_action=command.error_on_requires_action
            )

        return await self._once(attempt, work)

    async def capture_intent(
        self, attempt: Attempt | None, intent_id: str, command: commands.CapturePaymentIntent
    ) -> Answer:
        """Take what is held, or a part of it."""

        async def work(session: AsyncSession) -> Answer:
            row = await self._locked(session, intent_id)
            intent = row.intent()
            try:
                captured = intent.capture(command.amount_to_capture)
            except UnexpectedState as refusal:
                return await _refused(session, refusal, intent)
            row.take(captured)
            charge = await session.get_one(ChargeRow, captured.latest_charge)
            charge.uncaptured = charge.amount - captured.amount_received
            return await self._moved(session, attempt, captured)

        return await self._once(attempt, work)

    async def cancel_intent(
        self, attempt: Attempt | None, intent_id: str, command: commands.CancelPaymentIntent
    ) -> Answer:
        """See to it that the intent is never charged."""

        async def work(session: AsyncSession) -> Answer:
            row = await self._locked(session, intent_id)
            intent = row.intent()
            try:
                canceled = intent.cancel(reason=command.cancellation_reason, now=self._clock())
            except UnexpectedState as refusal:
                return await _refused(session, refusal, intent)
            row.take(canceled)
            return await self._moved(session, attempt, canceled)

        return await self._once(attempt, work)

    async def get_intent(self, intent_id: str) -> wire.PaymentIntent:
        async def work(session: AsyncSession) -> wire.PaymentIntent:
            row = await session.get(IntentRow, intent_id)
            if row is None:
                raise NoSuchObject("There is no such payment intent.")
            if row.intent().is_due(self._clock()):
                row = await self._locked(session, intent_id)
            return await _shown_one(session, row.intent())

        return await self._database.transact(work)

    async def list_intents(self, page: commands.ListParameters) -> wire.PaymentIntents:
        async def work(session: AsyncSession) -> wire.PaymentIntents:
            rows, has_more = await page_of(session, IntentRow, page)
            if any(row.intent().is_due(self._clock()) for row in rows):
                await self._decide_due(session)
            return wire.PaymentIntents(data=await _shown(session, [row.intent() for row in rows]), has_more=has_more)

        return await self._database.transact(work)

    async def decide_due(self) -> int:
        """Make known what banks that took their time have decided by now; how many."""
        return await self._database.transact(self._decide_due)

    async def get_charge(self, charge_id: str) -> wire.Charge:
        async def work(session: AsyncSession) -> wire.Charge:
            row = await session.get(ChargeRow, charge_id)
            if row is None:
                raise NoSuchObject("There is no such charge.")
            methods = await _methods(session, [row.payment_method])
            return wire.shown_charge(row.charge(), methods[row.payment_method])

        return await self._database.transact(work)

    async def list_charges(self, page: commands.ListCharges) -> wire.Charges:
        async def work(session: AsyncSession) -> wire.Charges:
            of_intent = [] if page.payment_intent is None else [ChargeRow.payment_intent == page.payment_intent]
            rows, has_more = await page_of(session, ChargeRow, page, *of_intent)
            methods = await _methods(session, [row.payment_method for row in rows])
            shown = [wire.shown_charge(row.charge(), methods[row.payment_method]) for row in rows]
            return wire.Charges(data=shown, has_more=has_more)

        return await self._database.transact(work)

    async def create_refund(self, attempt: Attempt | None, command: commands.CreateRefund) -> Answer:
        """Give back what was captured, or a part of it."""

        async def work(session: AsyncSession) -> Answer:
            intent = (await _locked_for_refund(session, command)).intent()
            try:
                intent.expect_refundable()
                row = await session.get_one(ChargeRow, command.charge or intent.latest_charge)
                before, after = row.charge(), row.charge().refund(command.amount)
            except UnexpectedState as refusal:
                return await _refused(session, refusal, intent)
            except RefundRefused as refusal:
                return Answer.refusing(refusal)
            row.amount_refunded = after.amount_refunded
            refund = Refund(
                id=_new_id("re"),
                charge=row.id,
                payment_intent=row.payment_intent,
                amount=after.amount_refunded - before.amount_refunded,
                currency=row.currency,
                reason=command.reason,
                metadata=command.metadata,
                created_at=self._clock(),
            )
            await _put(session, RefundRow.of(refund))
            methods = await _methods(session, [row.payment_method])
            shown = wire.shown_charge(after, methods[row.payment_method])
            await self._tell(session, attempt, EventType.REFUND_CREATED, wire.shown_refund(refund))
            await self._tell(session, attempt, EventType.CHARGE_REFUNDED, shown)
            return Answer(200, wire.encoded(wire.shown_refund(refund)))

        return await self._once(attempt, work)

    async def get_refund(self, refund_id: str) -> wire.Refund:
        row = await self._database.transact(lambda session: session.get(RefundRow, refund_id))
        if row is None:
            raise NoSuchObject("There is no such refund.")
        return wire.shown_refund(row.refund())

    async def list_refunds(self, page: commands.ListRefunds) -> wire.Refunds:
        async def work(session: AsyncSession) -> wire.Refunds:
            of_charge = [] if page.charge is None else [RefundRow.charge == page.charge]
            of_intent = [] if page.payment_intent is None else [RefundRow.payment_intent == page.payment_intent]
            rows, has_more = await page_of(session, RefundRow, page, *of_charge, *of_intent)
            return wire.Refunds(data=[wire.shown_refund(row.refund()) for row in rows], has_more=has_more)

        return await self._database.transact(work)

    async def get_event(self, event_id: str) -> wire.Event:
        async def work(session: AsyncSession) -> wire.Event:
            row = await session.get(EventRow, event_id)
            if row is None:
                raise NoSuchObject("There is no such event.")
            return (await _shown_events(session, [row]))[0]

        return await self._database.transact(work)

    async def list_events(self, page: commands.ListEvents) -> wire.Events:
        async def work(session: AsyncSession) -> wire.Events:
            of_type = [] if page.type is None else [EventRow.type == page.type]
            of_types = [] if page.types is None else [col(EventRow.type).in_(page.types)]
            told = [] if page.delivery_success is None else [told_well(col(EventRow.id), told=page.delivery_success)]
            rows, has_more = await page_of(session, EventRow, page, *of_type, *of_types, *told)
            return wire.Events(data=await _shown_events(session, rows), has_more=has_more)

        return await self._database.transact(work)

    async def _tell(
        self,
        session: AsyncSession,
        attempt: Attempt | None,
        kind: EventType,
        shown: wire.PaymentIntent | wire.Charge | wire.Refund,
    ) -> None:
        event = Event(
            id=_new_id("evt"),
            type=kind,
            api_version=wire.API_VERSION,
            object=shown.model_dump(mode="json"),
            idempotency_key=attempt.key if attempt else None,
            created_at=self._clock(),
        )
        await _put(session, EventRow(**asdict(event)))
        if await queue(session, event):
            session.info[TELLS] = True

    async def _moved(self, session: AsyncSession, attempt: Attempt | None, intent: Intent) -> Answer:
        shown = await _shown_one(session, intent)
        await self._tell(session, attempt, AFTER_STEP[intent.status], shown)
        return Answer(200, wire.encoded(shown))

    async def _confirmed(
        self,
        session: AsyncSession,
        attempt: Attempt | None,
        row: IntentRow,
        method: PaymentMethod,
        *,
        error_on_requires_action: bool,
    ) -> Answer:
        confirmation = row.intent().confirm(
            method.id,
            self._authorise(method.card.outcome),
            charge_id=_new_id("ch"),
            now=self._clock(),
            error_on_requires_action=error_on_requires_action,
        )
        return await self._keep(session, attempt, row, confirmation, method)

    async def _keep(
        self,
        session: AsyncSession,
        attempt: Attempt | None,
        row: IntentRow,
        confirmation: Confirmation,
        method: PaymentMethod,
    ) -> Answer:
        row.take(confirmation.intent)
        await session.flush()
        if confirmation.charge:
            await _put(session, ChargeRow(**asdict(confirmation.charge)))
        shown = wire.shown_intent(confirmation.intent, method)
        await self._tell(session, attempt, AFTER_STEP[confirmation.intent.status], shown)
        return _told(confirmation, method)

    async def _locked(self, session: AsyncSession, intent_id: str) -> IntentRow:
        row = await session.get(IntentRow, intent_id, with_for_update=True, populate_existing=True)
        if row is None:
            raise NoSuchObject("There is no such payment intent.")
        if row.intent().is_due(self._clock()):
            await self._decide(session, row)
        return row

    async def _decide_due(self, session: AsyncSession) -> int:
        # In the order of their ids, and past those that somebody else decides, so that nobody waits in a circle.
        due = select(IntentRow).where(col(IntentRow.pending_until) <= self._clock()).order_by(col(IntentRow.id))
        locked = due.with_for_update(skip_locked=True).execution_options(populate_existing=True)
        rows = (await session.exec(locked)).all()
        for row in rows:
            await self._decide(session, row)
        return len(rows)

    async def _decide(self, session: AsyncSession, row: IntentRow) -> None:
        confirmation = row.intent().decide(charge_id=_new_id("ch"), now=self._clock())
        method = await session.get_one(PaymentMethodRow, row.payment_method)
        await self._keep(session, None, row, confirmation, method.method())

    async def _method(self, session: AsyncSession, method_id: str) -> PaymentMethod:
        if fresh := self._ready_made(method_id):
            await _put(session, PaymentMethodRow.of(fresh))
            return fresh
        row = await session.get(PaymentMethodRow, method_id)
        if row is None:
            raise InvalidRequest("There is no such payment method.", code="resource_missing", param="payment_method")
        return row.method()

    def _ready_made(self, token: str) -> PaymentMethod | None:
        now = self._clock()
        card = self._vault.ready_made(token, today=now.date())
        if card is None:
            return None
        nobody = commands.BillingParameters().model_dump()
        return PaymentMethod(id=_new_id("pm"), card=card, billing_details=nobody, created_at=now)


async def _put(session: AsyncSession, row: Row) -> None:
    # Flushed one by one: the rows refer to one another, which the session does not know.
    session.add(row)
    await session.flush()


async def _locked_for_refund(session: AsyncSession, command: commands.CreateRefund) -> IntentRow:
    # Not the charge's row itself: read before the lock is held, its amounts would be those of before.
    intent_id = command.payment_intent
    if command.charge is not None:
        of_charge = select(ChargeRow.payment_intent).where(ChargeRow.id == command.charge)
        intent_id = (await session.exec(of_charge)).one_or_none()
    row = await session.get(IntentRow, intent_id, with_for_update=True) if intent_id else None
    if row is None:
        named = "payment_intent" if command.charge is None else "charge"
        raise InvalidRequest(f"There is no such {named}.", code="resource_missing", param=named)
    return row


async def _methods(session: AsyncSession, method_ids: Iterable[str]) -> dict[str, PaymentMethod]:
    wanted = set(method_ids)
    if not wanted:
        return {}
    rows = await session.exec(select(PaymentMethodRow).where(col(PaymentMethodRow.id).in_(wanted)))
    return {row.id: row.method() for row in rows}


async def _shown_events(session: AsyncSession, rows: list[EventRow]) -> list[wire.Event]:
    pending = await undelivered(session, [row.id for row in rows])
    return [wire.shown_event(row.event(), pending=pending.get(row.id, 0)) for row in rows]


async def _shown(session: AsyncSession, intents: list[Intent]) -> list[wire.PaymentIntent]:
    refused = [intent.last_error.payment_method if intent.last_error else "" for intent in intents]
    methods = await _methods(session, filter(None, refused))
    return [wire.shown_intent(intent, methods.get(method)) for intent, method in zip(intents, refused, strict=True)]


async def _shown_one(session: AsyncSession, intent: Intent) -> wire.PaymentIntent:
    return (await _shown(session, [intent]))[0]


async def _answered(session: AsyncSession, intent: Intent) -> Answer:
    return Answer(200, wire.encoded(await _shown_one(session, intent)))


async def _refused(session: AsyncSession, refusal: UnexpectedState, intent: Intent) -> Answer:
    shown = await _shown_one(session, intent)
    return Answer.refusing(refusal.about(payment_intent=shown.model_dump(mode="json")))


def _told(confirmation: Confirmation, method: PaymentMethod) -> Answer:
    shown = wire.shown_intent(confirmation.intent, method)
    error = confirmation.error
    if error is None:
        return Answer(200, wire.encoded(shown))
    refusal = CardRefused(
        error.message,
        code=error.code,
        decline_code=error.decline_code,
        charge=error.charge,
        payment_intent=shown.model_dump(mode="json"),
        payment_method=wire.shown_method(method).model_dump(mode="json"),
    )
    return Answer.refusing(refusal)
