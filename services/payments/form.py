"""Stripe's form encoding: `card[number]=…`, `metadata[order]=…`, `payment_method_types[]=card` or `[0]=card`.

One value per name. A name given twice, or both as a value and as a group, is refused rather than guessed at. Messages
never repeat a value, and a name only if it cannot be a card number put in the wrong place.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from .refusals import InvalidRequest

MOST_FIELDS = 200
_NAME = re.compile(r"([^\[\]]{1,64})((?:\[[^\[\]]{0,64}\]){0,4})")
_LONG_NUMBER = re.compile(r"\d(?:[ -]?\d){7,}")

Nested = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of one request. Its values may be card data, so that it does not show them."""

    values: Nested = field(default_factory=dict, repr=False)


def told(name: str) -> str:
    """The name of a parameter as a message may repeat it."""
    return "(withheld)" if _LONG_NUMBER.search(name) or not name.isprintable() else name[:200]


def read_form(encoded: bytes) -> Form:
    """Read an encoded form or query.

    Raises:
        InvalidRequest: it is not form-encoded, or a name is malformed or given twice.
    """
    values: Nested = {}
    for name, value in _pairs(encoded):
        if "\0" in name or "\0" in value:
            raise InvalidRequest("Text must not contain NUL characters.")
        _place(values, name, value)
    return Form(values)


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            encoded.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(encoded),
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise InvalidRequest("The parameters are not form-encoded UTF-8, or there are too many of them.") from None


def _place(values: Nested, name: str, value: str) -> None:
    shape = _NAME.fullmatch(name)
    if shape is None:
        raise InvalidRequest("The name of a parameter is malformed.", param=told(name))
    *groups, last = [shape[1], *re.findall(r"\[([^\[\]]*)\]", shape[2])]
    if "" in groups:
        raise InvalidRequest("Lists of groups are not supported.", param=told(name))
    if not last:
        _append(values, groups, name, value)
        return
    for group in groups:
        values = _entered(values, group, name)
    if last in values:
        raise InvalidRequest("The parameter was given twice.", param=told(name))
    values[last] = value


def _append(values: Nested, groups: list[str], name: str, value: str) -> None:
    *outer, last = groups
    for group in outer:
        values = _entered(values, group, name)
    listed = values.setdefault(last, [])
    if not isinstance(listed, list):
        raise InvalidRequest("The parameter was given both as a list and as a value.", param=told(name))
    listed.append(value)


def _entered(values: Nested, group: str, name: str) -> Nested:
    entered = values.setdefault(group, {})
    if not isinstance(entered, dict):
        raise InvalidRequest("The parameter was given both as a value and as a group.", param=told(name))
    return entered


def bracketed(location: tuple[int | str, ...]) -> str:
    """The name of a nested parameter as the client wrote it: ("card", "number") is card[number]."""
    first, *rest = (str(part) for part in location)
    return told(first + "".join(f"[{part}]" for part in rest))
