"""Reading what a call says, field by field, and refusing what TikTok would refuse.

Ids are texts; lists in a query are JSON. A field of JSON null counts as absent.
"""

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from audsync.sandbox.tiktok import errors

Params = Mapping[str, Any]


def only(params: Params, known: Collection[str]) -> None:
    """Whether there is no field but the known ones.

    Raises:
        RefusedError: there is.
    """
    unknown = sorted(set(params) - set(known))
    if unknown:
        # The name comes from the client and could be anything: long ones are cut.
        raise errors.field(unknown[0][:64], "Unknown field.")


def text(params: Params, name: str, *, most: int | None = None) -> str:
    """A required text, not empty.

    Raises:
        RefusedError: it is missing, no text, empty or too long.
    """
    value = optional_text(params, name, most=most)
    if value is None:
        raise errors.missing(name)
    return value


def optional_text(params: Params, name: str, *, most: int | None = None) -> str | None:
    """A text, not empty; None when absent.

    Raises:
        RefusedError: it is no text, empty or too long.
    """
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise errors.field(name, "Not a valid string.")
    if not value or (most is not None and len(value) > most):
        raise errors.field(name, f"Length must be between 1 and {most}." if most else "Is empty.")
    return value


def choice(params: Params, name: str, *, allowed: Collection[str], default: str) -> str:
    """One of the `allowed` texts.

    Raises:
        RefusedError: it is something else.
    """
    value = params.get(name, default)
    if not isinstance(value, str) or value not in allowed:
        raise errors.field(name, f"Must be one of: {', '.join(allowed)}.")
    return value


def flag(params: Params, name: str) -> None:
    """Check that an optional field is true or false; the simulation has no use for it.

    Raises:
        RefusedError: it is something else.
    """
    if not isinstance(params.get(name, False), bool):
        raise errors.field(name, "Not a valid boolean.")


def optional_number(params: Params, name: str, *, most: int) -> int | None:
    """A whole number from 1 to `most` of a JSON body; None when absent.

    Raises:
        RefusedError: it is something else.
    """
    value = params.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise errors.field(name, "Not a valid integer.")
    return _within(name, value, most)


def query_number(params: Params, name: str, *, default: int, most: int | None = None) -> int:
    """A whole number from 1 to `most` of a query.

    Raises:
        RefusedError: it is something else.
    """
    value = params.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal()):
        raise errors.field(name, "Not a valid integer.")
    return _within(name, int(value), most)


def texts(params: Params, name: str) -> list[str] | None:
    """A list of texts of a JSON body; None when absent.

    Raises:
        RefusedError: it is something else.
    """
    return _texts(name, params.get(name))


def query_texts(params: Params, name: str) -> list[str] | None:
    """A list of texts of a query, written as JSON; None when absent.

    Raises:
        RefusedError: it is something else.
    """
    value = params.get(name)
    if value is None:
        return None
    try:
        return _texts(name, orjson.loads(value))
    except orjson.JSONDecodeError as broken:
        raise errors.field(name, "Not a valid list.") from broken


def ids(given: list[str] | None, name: str, *, most: int) -> list[str]:
    """A required list of 1 to `most` ids.

    Raises:
        RefusedError: it is missing, empty or too long.
    """
    if given is None:
        raise errors.missing(name)
    if not given:
        raise errors.field(name, "Shorter than minimum length 1.")
    if len(given) > most:
        raise errors.too_many_ids(name, most)
    return given


def _texts(name: str, value: Any) -> list[str] | None:  # noqa: ANN401 - any JSON
    if value is None:
        return None
    if not isinstance(value, list):
        raise errors.field(name, "Not a valid list.")
    if not all(isinstance(each, str) for each in value):
        raise errors.field(name, "Not a valid list of strings.")
    return value


def _within(name: str, value: int, most: int | None) -> int:
    if value < 1 or (most is not None and value > most):
        raise errors.field(
            name, f"Must be between 1 and {most}." if most else "Must be at least 1."
        )
    return value
