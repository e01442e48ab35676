"""Rows of sessions, and of guests who became users."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.chassis.database import Timestamptz
from services.contracts.carts import MergeStrategy


class Row(SQLModel, registry=registry()):
    """The registry of this service's tables."""


class SessionRow(Row, table=True):
    """A session as it is stored."""

    __tablename__ = "sessions"

    id_hash: bytes = Field(primary_key=True)
    guest_owner: str
    issuer: str | None = None
    subject: str | None = None
    name: str | None = None
    tokens: bytes | None = None
    tokens_renew_at: datetime | None = Field(default=None, sa_type=Timestamptz)
    tokens_end_at: datetime | None = Field(default=None, sa_type=Timestamptz)
    refresh_leased_until: datetime | None = Field(default=None, sa_type=Timestamptz)
    merge_id: UUID | None = None
    merge_done: bool = False
    merge_strategy: str = MergeStrategy.SUM.value
    merge_ask: bool = False
    created_at: datetime = Field(sa_type=Timestamptz)
    seen_at: datetime = Field(sa_type=Timestamptz)
    ended_at: datetime | None = Field(default=None, sa_type=Timestamptz)
    ended_by: str | None = None


class AdoptedGuest(Row, table=True):
    """A guest, and the user whom its carts and orders went to. `has_orders` is None until somebody looked."""

    __tablename__ = "adopted_guests"

    guest_owner: str = Field(primary_key=True)
    owner_id: str
    has_orders: bool | None = None
    adopted_at: datetime = Field(sa_type=Timestamptz)
