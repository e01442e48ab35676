"""The two kinds of message: commands are read strictly, replies tolerantly."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

_NUMBER = re.compile(r"\s*[-+]?[0-9.]+\s*")


def _as_written(value: object) -> object:
    """Pydantic also takes a number for a moment, which the OpenAPI document does not say."""
    if isinstance(value, datetime) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        return value
    raise ValueError("must be a moment as in RFC 3339")


# Below what a bigint holds, so that sums of a few do not leave it.
Whole = Annotated[int, Field(strict=True, ge=0, le=2**53 - 1)]
Moment = Annotated[AwareDatetime, BeforeValidator(_as_written)]
# Within what PostgreSQL holds, whatever the offset.
StorableMoment = Annotated[Moment, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(9000, 1, 1, tzinfo=UTC))]


class Command(BaseModel):
    """A request body. Refuses fields that it does not know, so that a typing error or a client-sent price is told."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Reply(BaseModel):
    """An answer. Ignores fields that it does not know, so that a provider may grow before its consumers do."""

    model_config = ConfigDict(extra="ignore", frozen=True)
