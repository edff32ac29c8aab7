"""An uploaded file of ids: checked when it comes, turned into rows when it is used.

Format: `/dmp/custom_audience/file/upload/` reference, read 2026-11-22. Either one id a line
without a header, or, for `MULTIPLE_TYPES`, comma-separated columns under a header.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from audsync.sandbox.members import Row
from audsync.sandbox.tiktok import errors
from audsync.sandbox.tiktok.digests import EMPTY_DIGESTS, FILED, HEADERS, Kind, check

MULTIPLE = "MULTIPLE_TYPES"
MAX_REPEATS = 3


@dataclass(slots=True, kw_only=True)
class Contents:
    """What a file holds. Iterating yields the keys of each row."""

    kinds: tuple[Kind, ...]
    blob: bytes = field(default=b"", repr=False)
    """The digests of a file of one column, end to end: much smaller than a key for each."""
    rows: Sequence[Row] = field(default=(), repr=False)
    """The rows of any other file."""

    def __len__(self) -> int:
        return len(self.rows) if self.rows else len(self.blob) // (self.kinds[0].digits // 2)

    def __iter__(self) -> Iterator[Row]:
        if self.rows:
            yield from self.rows
            return
        code, width, blob = self.kinds[0].code, self.kinds[0].digits // 2, self.blob
        for at in range(0, len(blob), width):
            yield (code + blob[at : at + width],)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file that can be used by its path."""

    advertiser_id: str
    calculate_type: str
    contents: Contents
    expires_at: float


Leaks = Counter[tuple[str, str]]
"""(kind, column) of values that must never leave a client, counted."""


def same_type(calculate_type: str) -> str:
    """One name for types that TikTok keeps under one number: MAID_* is FIRST_*."""
    return calculate_type.replace("MAID_", "FIRST_")


def parse(
    content: bytes, calculate_type: str, leaks: Leaks, *, allows_header_line: bool
) -> Contents:
    """Check a file and pack it.

    Args:
        content: the file's bytes, not empty.
        calculate_type: `MULTIPLE_TYPES` or one of `FILED`.
        leaks: counts what must never leave a client, also when the file is refused.
        allows_header_line: skip one line at the top of a file of one type.

    Raises:
        RefusedError: a line is not what the type says.
    """
    content = content.replace(b"\r\n", b"\n").removesuffix(b"\n")
    if calculate_type == MULTIPLE:
        return _columns(_lines(content), leaks)
    kind = FILED[calculate_type]
    blob = _blob(content, kind)
    if blob is None:
        lines = _lines(content)
        if allows_header_line and len(lines[0]) != kind.digits:
            rest = content.partition(b"\n")[2]
            blob = _blob(rest, kind)
        if blob is None:
            raise _bad_line(kind, lines, leaks)
    _count_empty(kind, blob, leaks)
    return Contents(kinds=(kind,), blob=blob)


def _blob(content: bytes, kind: Kind) -> bytes | None:
    """All digests, if every line is one; in a few passes over the whole, not line by line."""
    content += b"\n"
    count, rest = divmod(len(content), kind.digits + 1)
    if rest or content[kind.digits :: kind.digits + 1] != b"\n" * count:
        return None
    try:
        blob = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        return None
    # fromhex skips blanks: inside a line they make the result too short.
    return blob if len(blob) == count * kind.digits // 2 else None


def _count_empty(kind: Kind, blob: bytes, leaks: Leaks) -> None:
    width = kind.digits // 2
    for digest in EMPTY_DIGESTS:
        if len(digest) == width and digest in blob:
            found = sum(blob[at : at + width] == digest for at in range(0, len(blob), width))
            if found:
                leaks["hash_of_nothing", kind.name] += found


def _lines(content: bytes) -> list[str]:
    try:
        return content.decode().split("\n")
    except UnicodeDecodeError as broken:
        raise errors.file_content_wrong("it is not UTF-8 text.") from broken


def _bad_line(kind: Kind, lines: list[str], leaks: Leaks) -> errors.RefusedError:
    column = check(kind, lines)
    leaks.update({(leak, kind.name): cells for leak, cells in column.leaks.items()})
    number = column.bad[0] if column.bad else lines.index("")
    return errors.file_content_wrong(f"line {number + 1} is not a {kind.name}.")


def _columns(lines: list[str], leaks: Leaks) -> Contents:
    kinds = _kinds(lines[0])
    body = lines[1:]
    width = len(kinds)
    wrong = next((at for at, line in enumerate(body) if line.count(",") != width - 1), None)
    if wrong is not None:
        raise errors.file_content_wrong(f"line {wrong + 2} has not as many fields as the header.")
    cells = ",".join(body).split(",") if body else []
    columns = [check(kind, cells[at::width]) for at, kind in enumerate(kinds)]
    for kind, column in zip(kinds, columns, strict=True):
        leaks.update({(leak, kind.name): count for leak, count in column.leaks.items()})
    for kind, column in zip(kinds, columns, strict=True):
        if column.bad:
            what = f"line {column.bad[0] + 2} has a field that is not a {kind.name}."
            raise errors.file_content_wrong(what)
    rows = [tuple(filter(None, keys)) for keys in zip(*(c.keys for c in columns), strict=True)]
    if not rows or () in rows:
        raise errors.file_content_wrong("there is a row without any id, or no row at all.")
    return Contents(kinds=kinds, rows=rows)


def _kinds(header: str) -> tuple[Kind, ...]:
    names = [name.lower() for name in header.split(",")]
    if not all(name in HEADERS for name in names):
        raise errors.file_content_wrong("the header names a column that is not known.")
    if max(Counter(names).values()) > MAX_REPEATS:
        raise errors.file_content_wrong(f"a column comes more than {MAX_REPEATS} times.")
    return tuple(HEADERS[name] for name in names)
