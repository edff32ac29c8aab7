"""What the models refuse, said in the words of the file: line, key, what to write instead."""

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from audsync.config.document import Branch, Node, Problem, dotted
from audsync.config.places import Place, find

_NEAR = 0.6
_MANY = 20
_MAPPING = "must be a mapping of keys to values"
_TRUTH = "must be true or false"
_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_TEXTS = {
    "missing": "is missing",
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "string_unicode": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must be a single character",
    "too_short": "must not be empty",
    "bool_parsing": _TRUTH,
    "bool_type": _TRUTH,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "int_type": _WHOLE,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def translate(error: ValidationError, root: Node) -> list[Problem]:
    """Every error of the models as a problem of the file, without those known already."""
    found = [(find(root, details["loc"]), details) for details in error.errors()]
    meant = {
        (*place.path[:-1], near)
        for place, details in found
        if details["type"] == "extra_forbidden"
        for near in nearest(place.path[-1], place.siblings)
    }
    return [
        _problem(place, details)
        for place, details in found
        if not (place.is_broken or (details["type"] == "missing" and place.path in meant))
    ]


def problem_at(place: Place, text: str) -> Problem:
    """A problem with what stands at `place`."""
    line = 0 if place.variable else place.line
    return Problem(line=line, key=dotted(place.path), text=text, variable=place.variable)


def nearest(word: str, valid: Iterable[str]) -> list[str]:
    """The valid word that was most likely meant, if any is near."""
    return get_close_matches(word, list(valid), n=1, cutoff=_NEAR)


def hint(word: str, valid: Iterable[str]) -> str:
    """Words on what may have been meant: the near one, else all that are valid."""
    valid = list(valid)
    near = nearest(word, valid)
    if near:
        return f"did you mean {near[0]}?"
    more = f" and {len(valid) - _MANY} more" if len(valid) > _MANY else ""
    return "valid here: " + (", ".join(valid[:_MANY]) or "nothing yet") + more


def _problem(place: Place, details: ErrorDetails) -> Problem:
    kind = details["type"]
    context = details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(place)
    if kind in {"union_tag_not_found", "union_tag_invalid"}:
        return _unknown_alternative(place)
    if kind == "enum":
        return problem_at(place, _one_of(place.text, place.choices))
    if kind == "value_error":
        return problem_at(place, str(context["error"]))
    return problem_at(place, _TEXTS.get(kind, "cannot be used").format_map(context))


def _unknown_key(place: Place) -> Problem:
    word = place.path[-1]
    problem = problem_at(place, f"is unknown; {hint(word, place.siblings)}")
    if "credentials" in place.path and not nearest(word, place.siblings):
        # It may be a secret that slipped into the place of a key.
        return replace(problem, key=dotted((*place.path[:-1], "?")))
    return problem


def _unknown_alternative(place: Place) -> Problem:
    if not isinstance(place.node, Branch):
        return problem_at(place, _MAPPING)
    tag = place.tag()
    if tag.node is None:
        return problem_at(tag, f"is missing; one of {', '.join(place.choices)}")
    return problem_at(tag, _one_of(tag.text, place.choices))


def _one_of(word: str, choices: Iterable[str]) -> str:
    choices = list(choices)
    near = nearest(word.lower(), choices)
    return f"must be one of {', '.join(choices)}" + (f"; did you mean {near[0]}?" if near else "")
