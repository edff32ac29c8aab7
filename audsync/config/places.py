"""From a location in the models to the place in the file: the line, and what may stand there."""

import types
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from audsync.config.document import Branch, Items, Leaf, Node
from audsync.config.model import Config
from audsync.config.values import Section

Location = Sequence[int | str]
_UNIONS = {Union, types.UnionType}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the file a setting is, and what the models expect there."""

    path: tuple[str, ...] = ()
    node: Node | None
    """None where nothing is written."""
    line: int = 1
    """Of the key, or of the nearest thing around it that is written."""
    variable: str = ""
    """The environment variable that the setting came from, if it did."""
    expected: Any
    """A type annotation; None below an unknown key."""
    siblings: tuple[str, ...] = ()
    """Keys that are valid in the same section."""
    is_broken: bool = False
    """A problem with it was found before the models saw it."""

    @property
    def text(self) -> str:
        """What is written there; "" where nothing is, or something that is not a scalar."""
        return (self.node.text or "") if isinstance(self.node, Leaf) else ""

    @property
    def alternatives(self) -> dict[str, type[Section]]:
        """Where one of several sections may stand: each by its tag, such as a platform."""
        sections = _sections(self.expected)
        key = _tag_key(sections)
        tags = (get_args(section.model_fields[key].annotation)[0] for section in sections)
        return {str(tag): section for tag, section in zip(tags, sections, strict=True)}

    @property
    def choices(self) -> list[str]:
        """The words that may stand here, if there is a list of them."""
        expected = _bare(self.expected)
        is_enum = isinstance(expected, type) and issubclass(expected, Enum)
        return [str(member.value) for member in expected] if is_enum else list(self.alternatives)

    def tag(self) -> "Place":
        """Where one of several sections may stand: the place of the key that says which."""
        return self.inside(_tag_key(_sections(self.expected)))

    def inside(self, part: int | str) -> "Place":
        """One step down."""
        key = str(part)
        child, line = self._child(part)
        expected, siblings = _expected_inside(self.expected, key)
        leaf = child if isinstance(child, Leaf) else None
        return Place(
            path=(*self.path, key),
            node=child,
            line=line,
            variable=leaf.variable if leaf else self.variable,
            expected=expected,
            siblings=siblings,
            is_broken=self.is_broken or (leaf is not None and leaf.is_broken),
        )

    def _child(self, part: int | str) -> tuple[Node | None, int]:
        if isinstance(self.node, Branch) and str(part) in self.node.children:
            return self.node.children[str(part)], self.node.lines[str(part)]
        if isinstance(self.node, Items) and isinstance(part, int):
            child = self.node.children[part]
            return child, child.line
        return None, self.line


def find(root: Node, location: Location) -> Place:
    """The place that a location of a pydantic error means."""
    place = Place(node=root, expected=Config)
    for part in location:
        alternatives = place.alternatives
        if alternatives:
            # pydantic puts the tag of the alternative it took into the location.
            place = replace(place, expected=alternatives.get(str(part)))
        elif isinstance(part, int) and isinstance(place.node, Leaf):
            continue  # a lone text where a list may stand
        elif part != "[key]":
            place = place.inside(part)
    return place


def _expected_inside(annotation: Any, key: str) -> tuple[Any, tuple[str, ...]]:  # noqa: ANN401 - a type
    """The type at `key`, and the keys that are valid beside it."""
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, Section):
        fields = bare.model_fields
        return (fields[key].annotation if key in fields else None), tuple(fields)
    if get_origin(bare) is dict:
        return get_args(bare)[1], ()
    if get_origin(bare) is tuple:
        return get_args(bare)[0], ()
    return None, ()


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - a type
    """The type without Annotated, and without None where only one other is left."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in _UNIONS:
        others = [each for each in get_args(annotation) if each is not type(None)]
        return _bare(others[0]) if len(others) == 1 else annotation
    return annotation


def _sections(annotation: Any) -> list[type[Section]]:  # noqa: ANN401 - a type
    """The alternatives of a union of sections; else none."""
    bare = _bare(annotation)
    return list(get_args(bare)) if get_origin(bare) in _UNIONS else []


def _tag_key(sections: Sequence[type[Section]]) -> str:
    """The key that tells sections apart: the one that takes a single word."""
    fields = sections[0].model_fields if sections else {}
    literals = (name for name, each in fields.items() if get_origin(each.annotation) is Literal)
    return next(literals, "")
