"""The rows of a plan's requests as the rows of a file: what travels, and what is done with it."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from audsync.domain import Kind, Platform
from audsync.identifiers.rules import is_raw
from audsync.sync.contract import BatchFacts

BATCH, ACTION = "batch", "action"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSheet:
    """One row a row on the wire: the request's number, its action, and a column for each kind.

    A value is lower-case hex where the platform takes a hash, and the text where it takes it raw.
    """

    platform: Platform
    kinds: tuple[Kind, ...]
    name: str = ""
    header: tuple[str, ...] | None = None

    def table(self, batch: BatchFacts, members: pa.Table) -> pa.Table:
        """The rows of one request.

        Args:
            batch: the request.
            members: its rows, as `UploadBatch.members` has them.
        """
        values = pl.DataFrame(pl.from_arrow(members))
        rows = values.select(pl.col("row").unique(maintain_order=True))
        for kind in self.kinds:
            cells = values.filter(pl.col("kind") == kind).select(
                "row", self._text(kind).alias(kind.label)
            )
            rows = rows.join(cells, on="row", how="left", maintain_order="left")
        return rows.select(
            pl.lit(batch.number, pl.Int64).alias(BATCH),
            pl.lit(batch.action.value).alias(ACTION),
            *(kind.label for kind in self.kinds),
        ).to_arrow()

    def empty(self) -> pa.Table:
        kinds = [(kind.label, pa.large_string()) for kind in self.kinds]
        columns = [(BATCH, pa.int64()), (ACTION, pa.large_string()), *kinds]
        return pa.schema(columns).empty_table()

    def _text(self, kind: Kind) -> pl.Expr:
        value = pl.col("value")
        return value.cast(pl.String) if is_raw(self.platform, kind) else value.bin.encode("hex")


def kinds_in(tables: Iterable[pa.Table]) -> set[Kind]:
    """The kinds that occur in rows of requests."""
    return {Kind(code) for table in tables for code in pc.unique(table["kind"]).to_pylist()}
