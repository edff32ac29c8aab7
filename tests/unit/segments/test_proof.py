"""What a source is told by: its bytes, and nothing where they could not be read."""

import hashlib
from pathlib import Path

import pytest

from audsync.segments.contract import FileQuery
from audsync.segments.proof import proof_of


def query_of(path: Path) -> FileQuery:
    return FileQuery(
        columns={"profile_id": ("id",), "email": ("email",)},
        where=None,
        traits=(),
        salt="s",
        memory_bytes=100_000_000,
        spill=path.parent,
        path=str(path),
        format=None,
    )


def test_bytes_that_could_not_be_read_prove_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vip.csv"
    path.write_text("id,email\n1,a@example.com\n", encoding="utf-8")
    assert proof_of(query_of(path)) is not None

    def fail(*_: object) -> None:
        raise OSError("the disk gave no answer")

    monkeypatch.setattr(hashlib, "file_digest", fail)
    assert proof_of(query_of(path)) is None
