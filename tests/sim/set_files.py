"""Files of the set engine: Python tuples behind names."""

from collections.abc import Iterable

from audsync import steps


class Files:
    """Named contents. What was kept survives a crash; what was not never existed."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, ...]] = {}
        self._names: dict[tuple[str, tuple[object, ...]], str] = {}

    def keep(self, content: Iterable[object], role: str) -> str:
        """Make the content durable under a name of its own."""
        whole = tuple(content)
        name = self._names.setdefault((role, whole), f"{role}-{len(self._names)}")
        steps.reached(f"file: before rename {role}")
        self._kept[name] = whole
        steps.reached(f"file: after rename {role}")
        return name

    def keep_some(self, content: Iterable[object], role: str) -> str | None:
        """The same; None for an empty one."""
        whole = tuple(content)
        return self.keep(whole, role) if whole else None

    def read(self, name: str | None) -> tuple[object, ...]:
        """The content; empty where there is no name."""
        return self._kept[name] if name is not None else ()

    def sweep(self, live: Iterable[str]) -> None:
        """Forget whatever no row names."""
        named = set(live)
        self._kept = {name: content for name, content in self._kept.items() if name in named}

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return name in self._kept
