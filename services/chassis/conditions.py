"""Conditions that a request sets for a change: If-Match names the version that was seen."""

from typing import Annotated

from fastapi import Depends, Header

NO_VERSION = -1


async def expected_version(if_match: Annotated[str | None, Header()] = None) -> int | None:
    """The version that If-Match names; for anything else than a version one that nothing has."""
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().removeprefix("W/").strip('"')
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else NO_VERSION


Version = Annotated[int | None, Depends(expected_version)]
