"""Batches cut into smaller ones, in plain words: what `audsync.sync.change.split` must come to."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Any

from audsync.domain import FIRST_FIELD, Action
from audsync.sync.contract import BatchFacts
from tests.sim.set_rows import counts_of, wire_rows

Rows = Sequence[tuple[Any, ...]]
_LAID = 8


def halves(batch: BatchFacts, rows: Rows) -> tuple[BatchFacts, ...]:
    """Two pieces of whole people or values, else of one person's identifiers, else one of these."""
    edges = _edges(batch, rows)
    heights = [_piece(batch, rows, *ends).rows for ends in pairwise(edges)]
    befores = {edge: sum(heights[:at]) for at, edge in enumerate(edges)}
    inner = [edge for edge, before in befores.items() if 0 < before < batch.rows]
    if inner:
        middle = min(inner, key=lambda edge: (abs(2 * befores[edge] - batch.rows), edge))
        return _cut(batch, rows, [0, middle, len(rows)])
    if batch.action is Action.REMOVE or len(rows[0]) == _LAID:
        return ()
    own = [at for at, row in enumerate(rows) if row[3] == 0 and row[1] < FIRST_FIELD]
    if len(own) > 1:
        return _cut(batch, rows, [0, own[len(own) // 2], len(rows)])
    return _cut(batch, rows, [own[0], own[0] + 1]) if len(rows) > 1 else ()


def apart(batch: BatchFacts, rows: Rows, named: Sequence[int]) -> tuple[BatchFacts, ...]:
    """The batch less what stood in these rows of the wire alone, then that."""
    pieces: list[BatchFacts] = []
    place = 0
    for start, stop in pairwise(_edges(batch, rows)):
        piece = _cut(batch, rows, [start, stop])[0]
        mine = {row - place for row in named if place <= row < place + piece.rows}
        place += piece.rows
        if len(mine) == piece.rows and mine:
            pieces.append(piece)
        elif mine:
            sent = [row[:3] for row in rows[start:stop] if row[3] == 0]
            taken = {cell[1:] for cell in wire_rows(sent) if cell[0] not in mine}
            pieces += [
                replace(_piece(batch, rows, at, at + 1), profiles=0, refreshed=0)
                for at in range(start, stop)
                if rows[at][3] == 0 and rows[at][1] < FIRST_FIELD and rows[at][1:3] not in taken
            ]
    left = {
        name: getattr(batch, name) - sum(getattr(piece, name) for piece in pieces)
        for name in ("profiles", "refreshed", "identifiers", "profiles_left")
    }
    return (replace(batch, rows=batch.rows - len(named), **left), *pieces)


def _edges(batch: BatchFacts, rows: Rows) -> list[int]:
    """Where people, values or removals begin, and the end."""
    if batch.action is Action.REMOVE:
        return list(range(len(rows) + 1))
    if len(rows[0]) == _LAID:
        return [at for at, row in enumerate(rows) if row[6]] + [len(rows)]
    edges = [0]
    for _, group in groupby(rows, key=lambda row: row[0]):
        edges.append(edges[-1] + len(list(group)))
    return edges


def _cut(batch: BatchFacts, rows: Rows, edges: Sequence[int]) -> tuple[BatchFacts, ...]:
    pieces = [_piece(batch, rows, *ends) for ends in pairwise(edges)]
    if batch.action is Action.REMOVE or len(rows[0]) == _LAID:
        return tuple(pieces)
    counted: set[int] = set() if batch.profiles + batch.refreshed else {rows[0][0]}
    for index, ((start, stop), piece) in enumerate(zip(pairwise(edges), pieces, strict=True)):
        if rows[start][0] in counted:
            pieces[index] = replace(piece, profiles=0, refreshed=0)
        counted |= {row[0] for row in rows[start:stop]}
    return tuple(pieces)


def _piece(batch: BatchFacts, rows: Rows, start: int, stop: int) -> BatchFacts:
    part = rows[start:stop]
    placed = replace(batch, first_row=batch.first_row + start, stop_row=batch.first_row + stop)
    return replace(placed, **_counts(batch, part))  # type: ignore[arg-type]  # names of counts


def _counts(batch: BatchFacts, part: Rows) -> dict[str, int]:
    if batch.action is Action.REMOVE:
        return {
            "rows": len(part),
            "identifiers": sum(not row[2] for row in part),
            "profiles_left": sum(row[4] for row in part),
        }
    if len(part[0]) == _LAID:
        return {
            "rows": sum(row[6] for row in part),
            "profiles": sum(row[7] and not row[4] for row in part),
            "refreshed": sum(row[7] and row[4] for row in part),
            "identifiers": sum(row[6] and row[5] for row in part),
        }
    total: dict[str, int] = {}
    for _, group in groupby(part, key=lambda row: row[0]):
        for name, number in counts_of(list(group)).items():
            total[name] = total.get(name, 0) + number
    return total
