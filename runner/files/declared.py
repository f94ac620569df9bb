"""What a file of somebody's may hold, declared as a pydantic model; what is wrong with one, in the house's words.

A field whose words are its own says them with `Worded`, or raises `fault` from a validator; every other kind of fault
is worded here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError, core_schema

from runner.suggest import did_you_mean

_OWN = "worded"
_MOST_REPEATED = 200
_FORMS = {
    "string_type": "text",
    "string_sub_type": "text",
    "tuple_type": "list",
    "list_type": "list",
    "model_type": "mapping",
    "dict_type": "mapping",
    "int_type": "whole number",
    "int_parsing": "whole number",
    "int_from_float": "whole number",
    "float_type": "number",
    "float_parsing": "number",
    "finite_number": "finite number",
}
"""Pydantic's name of a fault: what the value is none of."""
_LIMITS = {
    "greater_than_equal": "is too small: at least {ge}",
    "greater_than": "is too small: more than {gt}",
    "less_than_equal": "is too large: at most {le}",
    "less_than": "is too large: less than {lt}",
    "multiple_of": "is no multiple of {multiple_of}",
    "literal_error": "is none of these: {expected}",
    "string_too_short": "is too short: at least {min_length} characters",
    "string_too_long": "is too long: at most {max_length} characters",
    "too_short": "is too short: at least {min_length}",
    "too_long": "is too long: at most {max_length}",
}
"""Pydantic's name of a fault: what the value is against a limit, which stands in the fault's own figures."""


class Declared(BaseModel):
    """A record that is read from a file: no field that is not declared, never changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Record = TypeVar("Record", bound=Declared)


class DeclaredError(ValueError):
    """`faults`: everything that is wrong, each a sentence; unknown fields first, then those that are missing."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Worded:
    """For `Annotated`: whatever is wrong with the field is said in these words; `{name}`, `{value}`: its own."""

    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        name = handler.field_name

        def check(value: Any, validate: Callable[[Any], Any]) -> Any:
            try:
                return validate(value)
            except ValidationError:
                raise fault(self.words.format(name=name, value=value)) from None

        return core_schema.no_info_wrap_validator_function(check, handler(source))


def fault(words: str) -> PydanticCustomError:
    """To be raised by a validator."""
    return PydanticCustomError(_OWN, "{words}", {"words": words})


def read(kind: type[Record], entry: Any, unknown: Callable[[str], str] | None = None, **context: Any) -> Record:
    """The record that `entry` (a mapping of a file) declares; `context` is what its validators want to know.

    Args:
        unknown: what is said of a field that is not declared; by default that it is unknown, with the nearest that is.

    Raises DeclaredError with everything that is wrong with it.
    """
    try:
        return kind.model_validate(entry, context=context)
    except ValidationError as error:
        details = sorted(error.errors(include_url=False), key=lambda one: _rank(one["type"]))
        raise DeclaredError([_words(one, unknown or unknown_field(kind.model_fields)) for one in details]) from None


def unknown_field(fields: Iterable[str]) -> Callable[[str], str]:
    """What is said of a field that is none of these."""
    return lambda name: f"unknown field {name!r}.{did_you_mean(name, list(fields))}"


def _rank(kind: str) -> int:
    return {"extra_forbidden": 0, "invalid_key": 0, "missing": 1}.get(kind, 2)


def _words(detail: ErrorDetails, unknown: Callable[[str], str]) -> str:
    kind, name = detail["type"], ".".join(map(str, detail["loc"]))
    if kind == _OWN:
        return str(detail["ctx"]["words"])
    if kind in ("extra_forbidden", "invalid_key"):
        return unknown(name)
    if kind == "missing":
        return f"the field {name!r} is missing."
    value = repr(detail["input"])[:_MOST_REPEATED]
    return f"{name + ': ' if name else ''}{value} {_what_of(kind, detail.get('ctx') or {})}."


def _what_of(kind: str, figures: Mapping[str, Any]) -> str:
    """What a value is, by the name of its fault. A kind that is not named here is said without pydantic's words."""
    if kind == "bool_type":
        return "is neither true nor false"
    if kind in _LIMITS:
        return _LIMITS[kind].format_map(figures)
    return f"is no {_FORMS[kind]}" if kind in _FORMS else "cannot stand here"
