"""A YAML file as a tree of texts that remembers the line of everything in it.

Scalars stay text: what they mean is for the models to say, so that `0123`, `NO` and `on` are
never taken for a number or a truth. Variables are filled in here, scalar by scalar.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from audsync.config.interpolate import Shielded, shield
from audsync.config.references import References

_TAG = "tag:yaml.org,2002:"
_TAGS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge")}
_QUOTED = re.compile(r"'(?!<)[^']{2,}'")
_KEY = re.compile(r"[\w.-]{1,100}")
_ALLOW_COMMANDS = ("secrets", "allow_commands")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that a person has to mend."""

    line: int
    """1-based; 0 where it is in no line of the file."""
    key: str
    """Dotted path of the setting; "" for the file as a whole."""
    text: str
    """What is wrong and what to do; never a value."""
    variable: str = ""
    """The environment variable that the setting came from, if it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A scalar; `text` is None where nothing is written."""

    line: int
    text: str | None = field(repr=False)
    variable: str = ""
    is_broken: bool = False
    """A problem with it is known already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    line: int
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A mapping, and the line of each of its keys."""

    line: int
    lines: Mapping[str, int]
    children: Mapping[str, "Node"]


Node = Leaf | Items | Branch


def dotted(path: Iterable[str]) -> str:
    """A path for people; what does not look like a key, and may be a secret, becomes `?`."""
    return ".".join(part if _KEY.fullmatch(part) else "?" for part in path)


class UnreadableError(Exception):
    """The text is not YAML; `problem` says where."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.problem = Problem(line=line, key="", text=text)


class _Parser(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C if built
    """Resolves nothing but null and `<<`: every other plain scalar is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as PyYAML wants it


_Parser.add_implicit_resolver(
    _TAG + "null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]
)
_Parser.add_implicit_resolver(_TAG + "merge", re.compile(r"<<\Z"), ["<"])


def read(text: str, references: References) -> tuple[Node, list[Problem]]:
    """The tree of a YAML text, and what is wrong with its keys and variables.

    Whether commands may be run stands in the text itself, at `secrets.allow_commands`.

    Raises:
        UnreadableError: it is not YAML, or YAML that makes no sense in a settings file.
    """
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if unprintable is not None:
        line = text.count("\n", 0, unprintable.start()) + 1
        raise UnreadableError(line, "has a control character that YAML does not allow")
    shielded = shield(text)
    try:
        root = yaml.compose(shielded.text, Loader=_Parser)
        if root is None:
            return Branch(line=1, lines={}, children={}), []
        growing = _Growing(shielded, references.allowing(_scalar(root, *_ALLOW_COMMANDS)))
        return growing.node(root, ()), growing.problems
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableError(mark.line + 1 if mark else 1, _explain(error)) from None
    except RecursionError:
        raise UnreadableError(1, "is nested too deeply") from None


def _scalar(source: yaml.Node, *path: str) -> str | None:
    """The text at a path, as the parser has it; None where there is none."""
    for key in path:
        if not isinstance(source, yaml.MappingNode):
            return None
        found = [value for name, value in source.value if name.value == key]
        if not found:
            return None
        source = found[-1]
    return str(source.value) if isinstance(source, yaml.ScalarNode) else None


def _explain(error: yaml.MarkedYAMLError) -> str:
    """What the parser says, without the words of the file: one of them may be a secret."""
    said = _QUOTED.sub("that", error.problem or "cannot be read")
    return f"is not YAML: {said}; put quotes around text with special characters"


class _Growing:
    """Turns the parser's nodes into ours, each once, however many aliases it has."""

    def __init__(self, shielded: Shielded, references: References) -> None:
        self.problems: list[Problem] = []
        self._shielded = shielded
        self._references = references
        self._grown: dict[int, Node] = {}
        self._open: set[int] = set()

    def node(self, source: yaml.Node, path: tuple[str, ...]) -> Node:
        line = source.start_mark.line + 1
        if source.tag not in _TAGS:
            raise UnreadableError(line, "has a tag (a word with !), which means nothing here")
        if id(source) in self._open:
            raise UnreadableError(line, "has an alias that contains itself")
        if id(source) not in self._grown:
            self._open.add(id(source))
            self._grown[id(source)] = self._new(source, line, path)
            self._open.remove(id(source))
        return self._grown[id(source)]

    def _new(self, source: yaml.Node, line: int, path: tuple[str, ...]) -> Node:
        if isinstance(source, yaml.ScalarNode):
            return self._leaf(source, line, path)
        if isinstance(source, yaml.SequenceNode):
            items = (self.node(item, (*path, str(n))) for n, item in enumerate(source.value))
            return Items(line=line, children=tuple(items))
        assert isinstance(source, yaml.MappingNode)  # there are three kinds of node
        return self._branch(source, line, path)

    def _leaf(self, source: yaml.ScalarNode, line: int, path: tuple[str, ...]) -> Leaf:
        if source.tag == _TAG + "null":
            return Leaf(line=line, text=None)
        try:
            text = self._shielded.fill(source.value, self._references.value_of)
        except LookupError as error:
            self.problems.append(Problem(line=line, key=dotted(path), text=str(error.args[0])))
            written = self._shielded.restore(source.value)
            return Leaf(line=line, text=written, is_broken=True)
        # A variable may be empty: as plain text that is nothing, in quotes it is "".
        return Leaf(line=line, text=text if text or source.style else None)

    def _branch(self, source: yaml.MappingNode, line: int, path: tuple[str, ...]) -> Branch:
        lines: dict[str, int] = {}
        children: dict[str, Node] = {}
        for merged in self._merged(source, path):
            lines = {**merged.lines, **lines}
            children = {**merged.children, **children}
        own: dict[str, int] = {}
        for key_node, value in source.value:
            if key_node.tag == _TAG + "merge":
                continue
            key, at = self._key(key_node), key_node.start_mark.line + 1
            if key in own:
                text = f"is written twice; the first is in line {own[key]}"
                self.problems.append(Problem(line=at, key=dotted((*path, key)), text=text))
            own[key] = lines[key] = at
            children[key] = self.node(value, (*path, key))
        return Branch(line=line, lines=lines, children=children)

    def _key(self, source: yaml.Node) -> str:
        line = source.start_mark.line + 1
        if not isinstance(source, yaml.ScalarNode):
            raise UnreadableError(line, "has a list or a mapping where a key must be")
        if self._shielded.holds_expression(source.value):
            raise UnreadableError(line, "has a variable in a key; only values may have them")
        return str(source.value)

    def _merged(self, source: yaml.MappingNode, path: tuple[str, ...]) -> Iterator[Branch]:
        """The mappings that `<<` brings in, the most important one first."""
        for key_node, value in source.value:
            if key_node.tag == _TAG + "merge":
                grown = self.node(value, path)
                for branch in grown.children if isinstance(grown, Items) else (grown,):
                    if not isinstance(branch, Branch):
                        raise UnreadableError(branch.line, "has << with something not a mapping")
                    yield branch


def plain(node: Node) -> Any:  # noqa: ANN401 - whatever the file holds
    """The tree as dicts, lists, texts and None."""
    return _plain(node, {})


def _plain(node: Node, done: dict[int, Any]) -> Any:  # noqa: ANN401 - whatever the file holds
    if isinstance(node, Leaf):
        return node.text
    if id(node) not in done:
        if isinstance(node, Items):
            done[id(node)] = [_plain(child, done) for child in node.children]
        else:
            done[id(node)] = {key: _plain(child, done) for key, child in node.children.items()}
    return done[id(node)]


def with_leaf(root: Node, path: tuple[str, ...], leaf: Leaf) -> Node:
    """The tree with `leaf` at `path`; unchanged where a list or a text is in the way."""
    if not path:
        return leaf
    if isinstance(root, Leaf) and root.text is None:
        root = Branch(line=root.line, lines={}, children={})
    if not isinstance(root, Branch):
        return root
    empty = Branch(line=root.line, lines={}, children={})
    child = with_leaf(root.children.get(path[0], empty), path[1:], leaf)
    lines = {path[0]: 0, **root.lines}
    return Branch(line=root.line, lines=lines, children={**root.children, path[0]: child})
