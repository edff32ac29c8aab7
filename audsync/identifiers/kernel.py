"""The one normaliser there is: raw cells in, what a platform takes out.

The local engine, Spark's workers and the `hash`, `check` and `export` commands all call it, so
one value has one answer everywhere. It is pure: the same batch gives the same rows in any thread,
process or order, and no value ever appears in a message. Its memory is bounded by the batch.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import polars as pl
import pyarrow as pa

from audsync.domain import Kind, Platform
from audsync.identifiers import hashing, phone_oracle, place
from audsync.identifiers.countries import code_of
from audsync.identifiers.judging import judge
from audsync.identifiers.reasons import Reason
from audsync.identifiers.rules import (
    BIRTH_PARTS,
    COLUMN_KINDS,
    REVISION,
    Rule,
    column_rule,
    shown_form,
)

_COLUMN = re.compile(r"([a-z_]+)\.([0-9]+)")
_KINDS = {kind.label: kind for kind in COLUMN_KINDS}
_COUNTRY = f"{Kind.COUNTRY.label}.0"
_BIRTH_SLICES = dict(zip(BIRTH_PARTS, ((0, 4), (4, 2), (6, 2)), strict=True))
"""Where the parts of a YYYYMMDD are."""


class PhonePolicy(StrEnum):
    """Which phone numbers are good enough to send."""

    VALID = "valid"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareSpec:
    """All that the answer depends on, beside the cells themselves."""

    platform: Platform
    region: str | None = None
    """Alpha-2 code of the country to read national numbers with, where a row names none."""
    phone_policy: PhonePolicy = PhonePolicy.VALID


def prepare(batch: pa.RecordBatch, spec: PrepareSpec) -> pa.RecordBatch:
    """What the platform takes of each profile, in the form in which it travels.

    Args:
        batch: `profile` uint64 without nulls, and string columns `{label}.{n}` such as `email.0`
            and `email.1`; others are ignored. `country.0` is the country of the row's phones, too.
        spec: the platform, and how to read phones.

    Returns:
        `profile` uint64; `kind` uint8; `value` binary: a 32-byte SHA-256, the UTF-8 text where
        the platform takes it raw, null when rejected; `reason` uint8. One row a cell that is
        neither blank nor of a kind the platform does not take (a good date of birth gives three:
        year, month, day); equal values of a profile once; in no order.
    """
    profiles = _series(batch.column("profile"))
    parts: list[pl.DataFrame] = []
    kinds: list[Kind] = []
    for column in _judged(batch, spec):
        if column.rule is not None:
            parts.extend(_wire_rows(column, is_raw=column.rule.is_raw))
            kinds.append(column.kind)
    cells = pl.concat([_nothing(), *parts])
    cells = cells.with_columns(profile=profiles.gather(cells["row"]))
    repeats = len(set(kinds)) < len(kinds) or profiles.n_unique() < len(profiles)
    return hashing.wire_values(cells, is_distinct=repeats)


def examine(batch: pa.RecordBatch, spec: PrepareSpec) -> pa.RecordBatch:
    """What becomes of each cell, side by side with the input rows.

    Args:
        batch: as for `prepare`; `profile` is not needed.
        spec: as for `prepare`.

    Returns:
        for each column `{label}.{n}`, also of kinds that the platform does not take:
        `{label}.{n}.normalized` (null when rejected, blank or hashed already), `.hash` (its
        SHA-256 in lower-case hex), `.sent` (the hash, or the text where it goes raw; null where
        it is not taken; of a date of birth the hashes of year, month and day, a comma between),
        `.rejected` (the label of the reason, or null), `.already_hashed`.
    """
    index = pl.int_range(batch.num_rows, dtype=pl.UInt32, eager=True).alias("row").to_frame()
    answers: list[pl.Series] = []
    for column in _judged(batch, spec):
        shown = index.join(_shown(column), on="row", how="left", maintain_order="left")
        shown = shown.with_columns(pl.col("already_hashed").fill_null(value=False)).drop("row")
        answers.extend(series.alias(f"{column.name}.{series.name}") for series in shown)
    table = pl.DataFrame(answers).to_arrow().combine_chunks()
    return pa.RecordBatch.from_arrays(
        [
            answer.chunk(0) if answer.num_chunks else pa.array([], answer.type)
            for answer in table.columns
        ],
        names=table.column_names,
    )


def link(ids: pa.Array | pa.ChunkedArray, salt: str) -> pa.Array:
    """A number for each profile id that tells nothing about it; the same for ever.

    Returns:
        uint64: the first 8 bytes, big-endian, of the SHA-256 of salt, NUL and id; null for null.
    """
    keys = _text(ids).to_frame("id").select(key=pl.lit(f"{salt}\0") + pl.col("id"))
    return hashing.links(keys["key"])


def rules_version(spec: PrepareSpec) -> str:
    """Names everything that an answer depends on beside the cell; another name, other answers."""
    parts = (
        str(REVISION),
        phone_oracle.metadata_version(),
        spec.platform,
        _region(spec) or "",
        spec.phone_policy,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One column of a batch with the verdicts on its cells."""

    name: str
    kind: Kind
    rule: Rule | None
    """None where the platform does not take the kind."""
    cells: pl.DataFrame
    """As audsync.identifiers.judging.judge gives them."""


def _judged(batch: pa.RecordBatch, spec: PrepareSpec) -> Iterator[_Judged]:
    country = batch.column(_COUNTRY) if _COUNTRY in batch.schema.names else None
    regions = place.regions(
        None if country is None else _text(country), default=_region(spec), rows=batch.num_rows
    )
    for name in batch.schema.names:
        match = _COLUMN.fullmatch(name)
        kind = _KINDS.get(match[1]) if match else None
        if kind is None:
            continue
        rule = column_rule(spec.platform, kind)
        cells = pl.DataFrame({"text": _text(batch.column(name)), "region": regions})
        yield _Judged(
            name=name,
            kind=kind,
            rule=rule,
            cells=judge(
                cells.with_row_index("row"),
                kind=kind,
                form=shown_form(spec.platform, kind),
                is_raw=rule is not None and rule.is_raw,
                is_lenient=spec.phone_policy is PhonePolicy.POSSIBLE,
            ),
        )


def _wire_rows(column: _Judged, *, is_raw: bool) -> Iterator[pl.DataFrame]:
    """Rows for hashing.wire_values, with `row` in the place of `profile`."""
    form = (
        pl.when("is_hash")
        .then(pl.lit(hashing.HEX, pl.UInt8))
        .otherwise(pl.lit(hashing.RAW if is_raw else hashing.HASHED, pl.UInt8))
    )
    rows = column.cells.select(
        "row", kind=pl.lit(int(column.kind), pl.UInt8), text="text", reason="reason", form=form
    )
    if column.kind is not Kind.DATE_OF_BIRTH:
        yield rows
        return
    is_good = pl.col("reason") == int(Reason.ACCEPTED)
    yield rows.filter(~is_good)
    for kind, (start, length) in _BIRTH_SLICES.items():
        yield rows.filter(is_good).with_columns(
            kind=pl.lit(int(kind), pl.UInt8), text=pl.col("text").str.slice(start, length)
        )


def _shown(column: _Judged) -> pl.DataFrame:
    """The five answers about each cell, and its `row`."""
    cells = column.cells
    text, is_hash = pl.col("text"), pl.col("is_hash")
    cells = cells.with_columns(hash=hashing.hex_digests(cells["text"]))
    cells = cells.with_columns(hash=pl.when(is_hash).then(text).otherwise("hash"))
    if column.rule is None:
        sent = pl.lit(None, pl.String)
    elif column.kind is Kind.DATE_OF_BIRTH:
        parts = [cells["text"].str.slice(*where) for where in _BIRTH_SLICES.values()]
        hashes = [hashing.hex_digests(part).alias(str(at)) for at, part in enumerate(parts)]
        cells = cells.with_columns(hashes)
        sent = pl.concat_str([each.name for each in hashes], separator=",")
    else:
        sent = text if column.rule.is_raw else pl.col("hash")
    labels = {int(reason): reason.label for reason in Reason if reason is not Reason.ACCEPTED}
    return cells.select(
        "row",
        normalized=pl.when(~is_hash).then(text),
        hash="hash",
        sent=sent,
        rejected=pl.col("reason").replace_strict(labels, default=None, return_dtype=pl.String),
        already_hashed=is_hash,
    )


def _region(spec: PrepareSpec) -> str | None:
    """The segment's region as a code; None also where it names no country."""
    return code_of(spec.region) if spec.region else None


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "row": pl.UInt32,
            "kind": pl.UInt8,
            "text": pl.String,
            "reason": pl.UInt8,
            "form": pl.UInt8,
        }
    )


def _text(column: pa.Array) -> pl.Series:
    return _series(column).cast(pl.String)


def _series(column: pa.Array | pa.ChunkedArray) -> pl.Series:
    return pl.Series(pl.from_arrow(column))
