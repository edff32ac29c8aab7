import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audsync.errors import SourceError

Take = Callable[..., list[dict[str, Any]]]
Refuse = Callable[..., SourceError]


@pytest.fixture
def lay(tmp_path: Path) -> Callable[..., None]:
    """Make files of one row each; the row is the file's own name."""

    def make(*names: str) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"id,email\n{name},x\n")

    return make


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("", ["a.csv", "dt=1/b.csv", "dt=2/c.tsv"]),
        ("*.csv", ["a.csv"]),
        ("**/*.csv", ["a.csv", "dt=1/b.csv"]),
        ("dt=*", ["dt=1/b.csv", "dt=2/c.tsv"]),
        ("**", ["a.csv", "dt=1/b.csv", "dt=2/c.tsv"]),
        ("_tmp/*.csv", ["_tmp/d.csv"]),
        ("dt=[12]/?.*", ["dt=1/b.csv", "dt=2/c.tsv"]),
    ],
)
def test_folders_and_globs_hold_what_a_person_expects(
    path: str, wanted: list[str], tmp_path: Path, lay: Callable[..., None], take: Take
) -> None:
    lay("a.csv", "dt=1/b.csv", "dt=2/c.tsv", "_SUCCESS", ".a.csv.crc", "_tmp/d.csv")
    assert [row["profile_id"] for row in take(tmp_path / path)] == wanted


@pytest.mark.parametrize("name", ["a[1].csv", "what?.csv", "st*r.csv", "it's.csv", "ü 1.csv"])
def test_a_name_that_exists_is_no_glob(
    name: str, tmp_path: Path, lay: Callable[..., None], take: Take
) -> None:
    lay(name, "a1.csv", "whatx.csv", "stir.csv", "its.csv")
    assert [row["profile_id"] for row in take(tmp_path / name)] == [name]


def test_links_are_followed_and_circles_are_not(
    tmp_path: Path, lay: Callable[..., None], take: Take
) -> None:
    lay("data/a.csv", "elsewhere/b.csv")
    (tmp_path / "data" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")
    assert [row["profile_id"] for row in take(tmp_path / "data")] == [
        "data/a.csv",
        "elsewhere/b.csv",
    ]


@pytest.mark.parametrize(
    ("names", "path", "words"),
    [
        (["a.csv"], "b.csv", "does not exist"),
        (["a.csv"], "*.json", "matches no file"),
        (["_SUCCESS"], "", "matches no file"),
        (["a.csv", "b.jsonl"], "", r"mixes formats: \S+a\.csv \(csv\), \S+b\.jsonl \(jsonl\)"),
        (["a.csv", "README.md"], "", r"README\.md: the ending does not tell the format"),
        (["a.csv", "a.csv.tmp"], "*", r"a\.csv\.tmp: the ending does not tell"),
        ([f"{n}.x" for n in range(9)], "", "and 4 more: the ending"),
        (["a.csv", "_delta_log/0.json"], "", "is a Delta table"),
    ],
)
def test_what_cannot_be_placed_is_refused(
    names: list[str],
    path: str,
    words: str,
    tmp_path: Path,
    lay: Callable[..., None],
    refuse: Refuse,
) -> None:
    lay(*names)
    error = refuse(tmp_path / path)
    with pytest.raises(SourceError, match=words):
        raise error


def test_an_unknown_format_and_odd_things_are_refused(
    tmp_path: Path, lay: Callable[..., None], refuse: Refuse
) -> None:
    lay("a.csv")
    assert "csv, jsonl, json, parquet" in refuse(tmp_path / "a.csv", format="xml").message
    os.mkfifo(tmp_path / "pipe.csv")
    assert "not a regular file" in refuse(tmp_path / "pipe.csv").message
    (tmp_path / "dead.csv").symlink_to(tmp_path / "nothing")
    assert "dead.csv cannot be read: no such file" in refuse(tmp_path / "dead.csv").message
    (tmp_path / "dead.csv").unlink()
    (tmp_path / "pipe.csv").unlink()
    os.rename(tmp_path / "a.csv", os.fsencode(tmp_path) + b"/\xff.csv")  # noqa: PTH104
    assert "not UTF-8" in refuse(tmp_path / "*.csv").message
