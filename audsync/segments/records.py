"""After a failure: where exactly a JSON file is broken, record by record, in bounded memory."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

from audsync.errors import SourceError
from audsync.segments.bytestream import chunks, open_bytes
from audsync.segments.listing import Format, SourceFile

MAX_RECORD_CHARS = 16 << 20
"""DuckDB's own limit for one record, in bytes."""
_SIGN = re.compile(r"[^ \t\r\n]")


class _Record(dict[str, Any]):
    """One object; remembers the first name it has twice."""

    twice: str | None = None


def json_fault(file: SourceFile) -> SourceError | None:
    """The first record that cannot be read, or what is wrong between records."""
    fault = _lines_fault(file) if file.format is Format.JSONL else _Scanner(file).fault()
    if fault is None:
        return None
    line, reason = fault
    return SourceError(f"{file}, line {line}: {reason}", details={"path": str(file), "line": line})


def _lines_fault(file: SourceFile) -> tuple[int, str] | None:
    with open_bytes(file.path, file.compression) as stream:
        number = 0
        while line := stream.readline(MAX_RECORD_CHARS):
            number += 1
            text = line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace")
            if len(line) == MAX_RECORD_CHARS:
                return number, f"the record is longer than {MAX_RECORD_CHARS} bytes; shorten it"
            if not text.strip():
                continue
            try:
                reason = _record_reason(_DECODER.decode(text))
            except ValueError:
                has_end = line.endswith(b"\n")
                cut = "" if has_end else ", and the file ends there: it may have been cut short"
                return number, f"this is not one whole JSON object{cut}; export it again"
            if reason:
                return number, reason
    return None


class _Scanner:
    """Walks through a JSON array, or records one after another, a buffer at a time."""

    def __init__(self, file: SourceFile) -> None:
        self._pieces = _texts(file)
        self._text = ""
        self._at = 0
        self._line = 1
        self._has_ended = False

    def fault(self) -> tuple[int, str] | None:
        """The line and what is wrong there."""
        is_array = self._peek() == "["
        if is_array:
            self._at += 1
        is_first = True
        while True:
            sign = self._peek()
            if not sign:
                return self._here("the array is not closed: cut short; export it again", is_array)
            if is_array and sign == "]":
                self._at += 1
                return self._here("something follows the end of the array", bool(self._peek()))
            if is_array and not is_first:
                if sign != ",":
                    return self._here("a comma is missing between two records")
                self._at += 1
                self._peek()
            is_first = False
            reason = self._record()
            if reason:
                return self._here(reason)

    def _here(self, reason: str, is_wrong: bool = True) -> tuple[int, str] | None:
        line = self._line + self._text.count("\n", 0, self._at)
        return (line, reason) if is_wrong else None

    def _record(self) -> str:
        """Step over one record; what is wrong with it, or nothing."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError as error:
                if not self._is_longer():
                    self._at = getattr(error, "pos", self._at)
                    return "this is not whole JSON; export it again"
            else:
                if end < len(self._text) or not self._is_longer():
                    self._at = end
                    return _record_reason(value)

    def _peek(self) -> str:
        """The next sign that is no space; nothing at the end."""
        while True:
            match = _SIGN.search(self._text, self._at)
            if match:
                self._at = match.start()
                return match[0]
            self._at = len(self._text)
            if not self._is_longer():
                return ""

    def _is_longer(self) -> bool:
        """Read on; false at the end of the file or when a record passes all bounds."""
        self._line += self._text.count("\n", 0, self._at)
        self._text, self._at = self._text[self._at :], 0
        piece = next(self._pieces, "")
        self._text += piece
        return bool(piece) and len(self._text) < MAX_RECORD_CHARS


def _texts(file: SourceFile) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    for chunk in chunks(file.path, file.compression):
        if text := decoder.decode(chunk):
            yield text


def _record_reason(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, _Record):
        return "a record must be an object with one name for each column"
    return f"the object has `{value.twice}` twice" if value.twice else ""


def _as_record(pairs: list[tuple[str, Any]]) -> _Record:
    record = _Record()
    for name, value in pairs:
        if name in record:
            record.twice = record.twice or name
        record[name] = value
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=_as_record)
