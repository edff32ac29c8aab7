"""Mutation testing: does some test notice when a line that exactness rests on is wrong?

`python -m tests.sim.mutate --minutes 30 --seed 1`: makes one small mistake after the other, drawn
at random, in a copy of the tree, and runs the tests of its module and some histories on it. It
tells which mistakes nobody noticed; how many of those tried were noticed is a score over a random
sample, the same one for the same seed.
It needs nothing but Python, where the tools that exist bring more than a dozen packages along.
"""

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
_OWN = {
    "sync/run": [],
    "sync/recover": [],
    "sync/delivery/send": ["unit/sync/test_request_size.py"],
    "sync/change/fold": ["sim/test_engines_agree.py"],
    "sync/delivery/settle": [],
    "sync/change/cut": ["unit/sync/test_cut.py", "unit/sync/test_cut_by_kind.py"],
    "sync/guards": ["unit/sync/test_guards.py"],
    "sync/books": ["unit/sync/test_books.py"],
    "store/ledger": ["store/test_ledger.py"],
    "store/leases": ["store/test_leases.py"],
}
"""Where mistakes are made, and the tests of that module alone, which come first."""
_SERVICES = [
    f"tests/services/test_{name}.py" for name in ("sync", "follow_up", "restored", "audit")
]
"""What a mistake has to face that nobody noticed until then."""
_HISTORIES = ["tests/sim/test_waiting.py", "tests/sim/test_history.py", "--seeds", "250"]
_PATIENCE_S = 300
_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One small change of one module."""

    module: str
    line: int
    what: str
    text: str
    """The whole module with it."""


def mistakes(module: str) -> Iterator[Mistake]:
    """Every mistake that can be made in a module, in its order."""
    tree = ast.parse((ROOT / module).read_text("utf-8"))
    nodes = list(ast.walk(tree))
    # Whether a value of ours takes its fields by name changes nothing that it does.
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    idle = {id(part) for each in classes for d in each.decorator_list for part in ast.walk(d)}
    for at, node in enumerate(nodes):
        if id(node) in idle:
            continue
        for what in _ways(node):
            copy = deepcopy(tree)
            twin = list(ast.walk(copy))[at]
            _spoil(twin, what)
            text = ast.unparse(ast.fix_missing_locations(copy))
            yield Mistake(module=module, line=getattr(node, "lineno", 0), what=what, text=text)


def _ways(node: ast.AST) -> list[str]:
    """What can be done wrong at this place."""
    found = ""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _OPPOSITES:
            found = f"{type(operator).__name__} is {_OPPOSITES[type(operator)].__name__}"
        case ast.BoolOp():
            found = "and is or" if isinstance(node.op, ast.And) else "or is and"
        case ast.UnaryOp(op=ast.Not()):
            found = "not is left out"
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            found = "plus and minus change places"
        case ast.Constant(value=bool()):
            found = "true and false change places"
        case ast.If() | ast.IfExp() | ast.While():
            found = "the condition is turned round"
        case ast.Expr(value=ast.Call()):
            found = "the call is left out"
        case _:
            pass
    return [found] if found else []


def _spoil(node: ast.AST, what: str) -> None:
    match node:
        case ast.Compare():
            node.ops = [_OPPOSITES[type(node.ops[0])]()]
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.UnaryOp():
            node.operand = ast.UnaryOp(op=ast.Not(), operand=node.operand)
        case ast.BinOp():
            node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        case ast.Constant():
            node.value = not node.value
        case ast.If() | ast.IfExp() | ast.While():
            node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
        case ast.Expr():
            node.value = ast.Constant(value=None)
        case _:
            raise ValueError(what)


def is_noticed(tree: Path, mistake: Mistake) -> bool:
    """Whether a test fails, or never ends, on a copy of the tree with the mistake."""
    path = tree / mistake.module
    before = path.read_text("utf-8")
    path.write_text(mistake.text, "utf-8")
    try:
        return any(_fails(tree, tests) for tests in tests_of(mistake.module))
    finally:
        path.write_text(before, "utf-8")


def tests_of(module: str) -> Iterator[list[str]]:
    """The tests of a module, quickest first: the first that fails is enough."""
    own = _OWN[module.removeprefix("audsync/").removesuffix(".py")]
    if own:
        yield [f"tests/{name}" for name in own]
    yield _HISTORIES
    yield _SERVICES


def _fails(tree: Path, tests: list[str]) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=tree, capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def main() -> int:
    """Make mistakes until the time is over; print the score and what went unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    modules = [f"audsync/{name}.py" for name in _OWN]
    everything = [mistake for module in modules for mistake in mistakes(module)]
    Random(asked.seed).shuffle(everything)
    unnoticed: list[Mistake] = []
    tried, ends_at = 0, time.monotonic() + 60 * asked.minutes
    with tempfile.TemporaryDirectory(prefix="audsync-mutate-") as folder:
        tree = Path(folder)
        for name in ("audsync", "tests"):
            shutil.copytree(ROOT / name, tree / name)
        shutil.copy(ROOT / "pyproject.toml", tree)
        everyone = [f"tests/{name}" for names in _OWN.values() for name in names]
        for tests in (everyone, _HISTORIES, _SERVICES):
            assert not _fails(tree, tests), f"{tests} fail as it is"
        for mistake in everything:
            if time.monotonic() > ends_at:
                break
            tried += 1
            if not is_noticed(tree, mistake):
                unnoticed.append(mistake)
                sys.stdout.write(f"{mistake.module}:{mistake.line}: {mistake.what}\n")
                sys.stdout.flush()
    noticed = tried - len(unnoticed)
    sys.stdout.write(
        f"{noticed} of {tried} mistakes were noticed; {len(everything)} can be made; "
        f"seed {asked.seed}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
