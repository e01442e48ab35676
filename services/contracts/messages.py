"""The two kinds of message: commands are read strictly, replies tolerantly."""

from pydantic import BaseModel, ConfigDict


class Command(BaseModel):
    """A request body. Refuses fields that it does not know, so that a typing error or a client-sent price is told."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Reply(BaseModel):
    """An answer. Ignores fields that it does not know, so that a provider may grow before its consumers do."""

    model_config = ConfigDict(extra="ignore", frozen=True)
