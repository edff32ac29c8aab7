"""The files of one export: one for each sheet, or several where a file has grown full."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audsync.errors import UsageError
from audsync.services.exports.export_files import Counted, Destination, Published
from audsync.sync.exports.writers import PACKINGS, CsvStyle, writer

if TYPE_CHECKING:
    import pyarrow as pa

    from audsync.sync.exports.sheets import Layout

_PARQUET = "parquet"
_SLICE_ROWS = 50_000
"""At most so many rows go into a file between two looks at how full it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How files are written."""

    form: str
    """csv, json, jsonl or parquet."""
    is_excel_safe: bool = False
    full_at_bytes: int | None = None
    """A file that has grown so large is not written on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of an export."""

    published: Published
    size_bytes: int
    rows: int


class Parts:
    """Writes rows into each sheet's current file, and opens the next one where it is full."""

    def __init__(self, destination: Destination, sheets: "Sequence[Layout]", style: Style) -> None:
        """Prepare to write.

        Raises:
            UsageError: these files cannot be written there in this form.
        """
        most = destination.most_files
        if most is not None and len(sheets) > most:
            raise UsageError(
                f"The upload page wants {len(sheets)} files, one each for"
                f" {', '.join(sheet.name for sheet in sheets)}: name a file with --out, or one of"
                " them with --identifiers.",
                details={"option": "--out"},
            )
        self._destination = destination
        self._style = style
        self._packing = _packing(destination.ending, style.form)
        self._full_at_bytes = style.full_at_bytes if most is None else None
        self._parts: dict[Layout, list[_Part]] = {sheet: [] for sheet in sheets}
        self._opened: list[_Part] = []

    def append(self, sheet: "Layout", table: "pa.Table") -> None:
        """Write a sheet's rows."""
        for start in range(0, max(table.num_rows, 1), _SLICE_ROWS):
            self._current(sheet).write(table.slice(start, _SLICE_ROWS))

    def publish(self) -> list[File]:
        """Make the files whole and visible, together; each sheet's in turn.

        Raises:
            StateError: the disk is full or refuses.
        """
        for sheet, parts in self._parts.items():
            if not parts:
                self.append(sheet, sheet.empty())
            parts[-1].end()
        marks = {
            part: (f"-{sheet.name}" if sheet.name else "")
            + (f"-{number:03}" if len(parts) > 1 else "")
            for sheet, parts in self._parts.items()
            for number, part in enumerate(parts, start=1)
        }
        published = self._destination.publish([marks[part] for part in self._opened])
        where = dict(zip(self._opened, published, strict=True))
        return [
            File(published=where[part], size_bytes=part.size_bytes, rows=part.rows)
            for part in marks
        ]

    def _current(self, sheet: "Layout") -> "_Part":
        parts = self._parts[sheet]
        limit = self._full_at_bytes
        if parts and (limit is None or parts[-1].size_bytes < limit):
            return parts[-1]
        if parts:
            parts[-1].end()
        csv = CsvStyle(header=sheet.header, is_excel_safe=self._style.is_excel_safe)
        part = _Part(self._destination, form=self._style.form, packing=self._packing, csv=csv)
        parts.append(part)
        self._opened.append(part)
        return part


class _Part:
    """One file that is being written."""

    def __init__(
        self, destination: Destination, *, form: str, packing: str | None, csv: CsvStyle
    ) -> None:
        self.rows = 0
        self._sink = Counted(destination.open())
        self._stack = ExitStack()
        self._out = self._stack.enter_context(
            writer(self._sink, form=form, packing=packing, csv=csv)
        )

    @property
    def size_bytes(self) -> int:
        return self._sink.size_bytes

    def write(self, table: "pa.Table") -> None:
        self._out.write(table)
        self.rows += table.num_rows

    def end(self) -> None:
        self._stack.close()
        self._sink.flush()


def report_of(files: Sequence[File], *, profiles: int, form: str) -> dict[str, Any]:
    """The JSON that tells of an export; `files` is there where it is more than one."""
    report = {
        **_address(files[0].published),
        "profile_count": profiles,
        "file_size_bytes": sum(file.size_bytes for file in files),
        "format": form,
    }
    if len(files) > 1:
        report["files"] = [
            {
                **_address(file.published),
                "rows": file.rows,
                "file_size_bytes": file.size_bytes,
            }
            for file in files
        ]
    return report


def _address(published: Published) -> dict[str, Any]:
    expires_at = published.expires_at
    return {
        "download_url": published.url,
        "expires_at": None if expires_at is None else f"{expires_at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _packing(ending: str, form: str) -> str | None:
    """How a file is packed, by what its name ends with."""
    last = f".{ending.rpartition('.')[2].lower()}"
    packing = PACKINGS.get(last)
    if packing and form == _PARQUET:
        raise UsageError(
            f"A Parquet file is packed inside already: leave {last} out of --out.",
            details={"option": "--out"},
        )
    return packing
