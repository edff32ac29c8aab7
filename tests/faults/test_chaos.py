"""The long form goes on where it was stopped, and tells by which seed a promise was broken."""

from itertools import count
from pathlib import Path

import pytest

from tests.faults import chaos, report


def odd_fails(seed: int) -> chaos.Chunk:
    """A piece that strikes twice, and breaks a promise with each third seed."""
    return chaos.Chunk(seeds=1, struck=2, failed=[] if seed % 3 else [f"seed {seed}"])


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pieces are done here, one after the other; their seeds."""
    begun: list[int] = []

    def in_order(work, starts, is_wanted, *, jobs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        assert jobs == 1
        while is_wanted():
            begun.append(next(starts))
            yield work(begun[-1])

    monkeypatch.setattr(chaos, "in_order", in_order)
    return begun


def test_it_goes_on_with_the_next_seed(tmp_path: Path, in_this_process: list[int]) -> None:
    file = tmp_path / "build" / "chaos.json"
    chaos.Progress.open(file, 7).sweep("kills", odd_fails, wanted=4, jobs=1)
    chaos.Progress.open(file, 7).sweep("kills", odd_fails, wanted=8, jobs=1)
    assert in_this_process == [7, 8, 9, 10]
    done = report.Chaos.read(file)
    assert (done.sweeps["kills"]["struck"], done.sweeps["kills"]["failed"]) == (8, ["seed 9"])
    assert done.is_broken()


def test_another_seed_is_a_new_beginning(tmp_path: Path, in_this_process: list[int]) -> None:
    file = tmp_path / "chaos.json"
    chaos.Progress.open(file, 7).sweep("kills", odd_fails, wanted=4, jobs=1)
    chaos.Progress.open(file, 40).sweep("kills", odd_fails, wanted=2, jobs=1)
    assert in_this_process == [7, 8, 40]
    assert not report.Chaos.read(file).is_broken()


def test_pieces_come_in_the_order_of_their_seeds_from_other_processes() -> None:
    is_wanted = iter((True, True, False))
    pieces = chaos.in_order(odd_fails, count(3), lambda: next(is_wanted), jobs=2)
    assert list(pieces) == [odd_fails(3), odd_fails(4)]


def test_the_page_tells_seeds_days_and_what_was_broken(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(report.PAGE.read_text("utf-8"), "utf-8")
    done = report.Chaos(seed=5, began="2026-11-01")
    done.sweeps["histories"] = {
        "first": 5,
        "seeds": 250,
        "struck": 1250,
        "failed": ["history 9: AssertionError()"],
        "seconds": 180,
    }
    done.soak = {"seconds": 600, "killed with SIGKILL": 130}
    report.write(done, page)
    text = page.read_text("utf-8")
    assert "| 1,250 | 5 to 254 | 1 | 3 |" in text
    assert "| killed with SIGKILL | 130 |" in text
    assert "Run on 2026-11-01 to " in text
    assert done.is_broken()
