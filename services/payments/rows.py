"""The tables of payments. Rows carry what the rules made; they check nothing."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.chassis.database import Timestamptz
from services.contracts.payments import IntentStatus

from .delivery import Endpoint
from .event import Event, EventType
from .payment import CaptureMethod, Charge, Intent, PaymentError, PaymentMethod, Refund
from .processor import CardOnFile, Declined, Outcome


class Row(SQLModel, registry=registry()):
    pass


class PaymentMethodRow(Row, table=True):
    __tablename__ = "payment_methods"

    id: str = Field(primary_key=True)
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    funding: str
    country: str
    outcome: str
    fingerprint: str
    billing_details: dict[str, Any] = Field(sa_column=Column(JSONB))
    labels: dict[str, str] = Field(sa_column=Column("metadata", JSONB))
    created_at: datetime = Field(sa_column=Column(Timestamptz()))

    @classmethod
    def of(cls, method: PaymentMethod) -> "PaymentMethodRow":
        return cls(
            id=method.id,
            billing_details=method.billing_details,
            labels=method.metadata,
            created_at=method.created_at,
            **asdict(method.card),
        )

    def method(self) -> PaymentMethod:
        return PaymentMethod(
            id=self.id,
            card=CardOnFile(
                brand=self.brand,
                last4=self.last4,
                exp_month=self.exp_month,
                exp_year=self.exp_year,
                funding=self.funding,
                country=self.country,
                outcome=Outcome(self.outcome),
                fingerprint=self.fingerprint,
            ),
            billing_details=self.billing_details,
            metadata=self.labels,
            created_at=self.created_at,
        )


class IntentRow(Row, table=True):
    __tablename__ = "payment_intents"

    id: str = Field(primary_key=True)
    amount: int = Field(sa_column=Column(BigInteger))
    amount_received: int = Field(sa_column=Column(BigInteger))
    currency: str
    status: str
    payment_method: str | None
    payment_method_types: list[str] = Field(sa_column=Column(JSONB))
    allowed_payment_method_types: list[str] | None = Field(sa_column=Column(JSONB(none_as_null=True)))
    automatic_payment_methods: str | None
    capture_method: str
    latest_charge: str | None
    last_error: dict[str, Any] | None = Field(sa_column=Column(JSONB(none_as_null=True)))
    description: str | None
    receipt_email: str | None
    labels: dict[str, str] = Field(sa_column=Column("metadata", JSONB))
    cancellation_reason: str | None
    canceled_at: datetime | None = Field(sa_column=Column(Timestamptz()))
    created_at: datetime = Field(sa_column=Column(Timestamptz()))
    pending_until: datetime | None = Field(sa_column=Column(Timestamptz()))
    pending_decline: dict[str, Any] | None = Field(sa_column=Column(JSONB(none_as_null=True)))

    @classmethod
    def of(cls, intent: Intent) -> "IntentRow":
        return cls(**_columns(intent))

    def take(self, intent: Intent) -> None:
        """Become what the rule made of it."""
        self.sqlmodel_update(_columns(intent))

    def intent(self) -> Intent:
        columns = self.model_dump(exclude={"labels"})
        error, decline = columns["last_error"], columns["pending_decline"]
        return Intent(
            **{
                **columns,
                "status": IntentStatus(self.status),
                "capture_method": CaptureMethod(self.capture_method),
                "payment_method_types": tuple(self.payment_method_types),
                "allowed_payment_method_types": frozen(self.allowed_payment_method_types),
                "last_error": PaymentError(**error) if error else None,
                "pending_decline": Declined(**decline) if decline else None,
                "metadata": self.labels,
            }
        )


def frozen(listed: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if listed is None else tuple(listed)


def _columns(intent: Intent) -> dict[str, Any]:
    columns = asdict(intent)
    columns["labels"] = columns.pop("metadata")
    for listed in ("payment_method_types", "allowed_payment_method_types"):
        columns[listed] = None if columns[listed] is None else list(columns[listed])
    columns["status"] = intent.status.value
    columns["capture_method"] = intent.capture_method.value
    return columns


class ChargeRow(Row, table=True):
    __tablename__ = "charges"

    id: str = Field(primary_key=True)
    payment_intent: str
    payment_method: str
    amount: int = Field(sa_column=Column(BigInteger))
    currency: str
    succeeded: bool
    failure_code: str | None
    failure_message: str | None
    decline_code: str | None
    created_at: datetime = Field(sa_column=Column(Timestamptz()))
    uncaptured: int = Field(sa_column=Column(BigInteger))
    amount_refunded: int = Field(sa_column=Column(BigInteger))

    def charge(self) -> Charge:
        return Charge(**self.model_dump())


class RefundRow(Row, table=True):
    __tablename__ = "refunds"

    id: str = Field(primary_key=True)
    charge: str
    payment_intent: str
    amount: int = Field(sa_column=Column(BigInteger))
    currency: str
    reason: str | None
    labels: dict[str, str] = Field(sa_column=Column("metadata", JSONB))
    created_at: datetime = Field(sa_column=Column(Timestamptz()))

    @classmethod
    def of(cls, refund: Refund) -> "RefundRow":
        columns = asdict(refund)
        return cls(labels=columns.pop("metadata"), **columns)

    def refund(self) -> Refund:
        return Refund(metadata=self.labels, **self.model_dump(exclude={"labels"}))


class EventRow(Row, table=True):
    __tablename__ = "events"

    id: str = Field(primary_key=True)
    type: str
    api_version: str
    object: dict[str, Any] = Field(sa_column=Column(JSONB))
    idempotency_key: str | None
    created_at: datetime = Field(sa_column=Column(Timestamptz()))

    def event(self) -> Event:
        return Event(**{**self.model_dump(), "type": EventType(self.type)})


class WebhookEndpointRow(Row, table=True):
    __tablename__ = "webhook_endpoints"

    id: str = Field(primary_key=True)
    url: str
    secret: str = Field(repr=False)
    enabled_events: list[str] = Field(sa_column=Column(ARRAY(Text)))
    enabled: bool
    description: str | None
    labels: dict[str, str] = Field(sa_column=Column("metadata", JSONB))
    created_at: datetime = Field(sa_column=Column(Timestamptz()))

    @classmethod
    def of(cls, endpoint: Endpoint) -> "WebhookEndpointRow":
        return cls(**_endpoint_columns(endpoint))

    def take(self, endpoint: Endpoint) -> None:
        """Become what a change made of it."""
        self.sqlmodel_update(_endpoint_columns(endpoint))

    def endpoint(self) -> Endpoint:
        columns = self.model_dump(exclude={"labels"})
        return Endpoint(**{**columns, "enabled_events": tuple(self.enabled_events), "metadata": self.labels})


def _endpoint_columns(endpoint: Endpoint) -> dict[str, Any]:
    columns = asdict(endpoint)
    columns["labels"] = columns.pop("metadata")
    columns["enabled_events"] = list(endpoint.enabled_events)
    return columns


class WebhookDeliveryRow(Row, table=True):
    __tablename__ = "webhook_deliveries"

    event: str = Field(primary_key=True)
    endpoint: str = Field(primary_key=True)
    delivered_at: datetime | None = Field(sa_column=Column(Timestamptz()))


class IdempotencyKeyRow(Row, table=True):
    __tablename__ = "idempotency_keys"

    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    status: int
    body: str
    created_at: datetime = Field(sa_column=Column(Timestamptz()))
