"""The table of faults tells the truth: its tests exist and run where it says so."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.matrix import EVERYWHERE, PLATFORMS, ROWS, Cover

ROOT = Path(__file__).parents[2]
LEAST_REAL = 0.6
ON_EVERY_PLATFORM = {"any_project", "remote_scene", "scene", "seeds", "start", "ways", "is_linked"}
"""Fixtures and parameters that bring a test to each platform, or to each way of platforms."""


@cache
def functions_of(path: str) -> dict[str, set[str]]:
    """The tests of a module, each with its parameters."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {
        node.name: {argument.arg for argument in node.args.args}
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def covers() -> list[Cover]:
    return [cover for row in ROWS for cover in (*row.real, *row.simulated)]


@pytest.mark.parametrize("cover", covers(), ids=lambda cover: cover.test.partition("::")[2])
def test_what_the_table_names_is_there_and_runs_there(cover: Cover) -> None:
    path, _, name = cover.test.partition("::")
    found = functions_of(path)
    assert name in found
    if cover.on == EVERYWHERE and "store/" not in path:
        assert found[name] & ON_EVERY_PLATFORM, f"{name} runs on one platform only"


def test_every_cell_is_covered_and_most_of_them_for_real() -> None:
    cells = [(row, platform) for row in ROWS for platform in PLATFORMS if platform in row.on]
    bare = [
        (row.number, platform)
        for row, platform in cells
        if not (row.is_real(platform) or row.is_simulated(platform))
    ]
    assert bare == []
    real = sum(row.is_real(platform) for row, platform in cells)
    assert real / len(cells) >= LEAST_REAL
    assert [row.number for row in ROWS] == list(range(1, 26))


def test_the_page_shows_the_table_as_it_is() -> None:
    text = report.PAGE.read_text("utf-8")
    assert report.with_section(text, "table", report.table()) == text
