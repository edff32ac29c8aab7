"""The one normaliser there is: raw cells in, what a platform takes out.

The local engine, Spark's workers and the `hash`, `check` and `export` commands all call it, so
one value has one answer everywhere. It is pure: the same batch gives the same rows in any thread,
process or order, and no value ever appears in a message. Its memory is bounded by the batch.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import polars as pl
import pyarrow as pa

from audsync.domain import FIRST_FIELD, Kind, Platform
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


_AS_DIGEST, _AS_SHARED_DIGEST, _AS_HEX, _AS_TEXT = 0, 1, 2, 3
"""How a text becomes a value: by its SHA-256, by the same for one of few different texts, as the
hash that it spells, as it is."""

_FEW_TEXTS = frozenset({Kind.STATE, Kind.COUNTRY, Kind.GENDER, Kind.DATE_OF_BIRTH})

_NOTHING = pl.DataFrame(
    schema={
        "row": pl.UInt32,
        "kind": pl.UInt8,
        "text": pl.String,
        "reason": pl.UInt8,
        "way": pl.UInt8,
    }
)


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
    carried: tuple[Kind, ...] | None = None
    """Kinds that the audience can hold, where it is fewer than its platform takes."""


def prepare(batch: pa.RecordBatch, spec: PrepareSpec) -> pa.RecordBatch:
    """What the platform takes of each profile, in the form in which it travels.

    Args:
        batch: `profile` uint64 without nulls, and string columns `{label}.{n}` such as `email.0`
            and `email.1`; others are ignored. `country.0` is the country of the row's phones, too.
        spec: the platform, and how to read phones.

    Returns:
        `profile` uint64; `kind` uint8; `value` binary: a 32-byte SHA-256, the UTF-8 text where
        the platform takes it raw, null when rejected (but for `not_sendable`); `reason` uint8.
        One row a cell that is neither blank nor of a kind the platform does not take (a good date
        of birth gives three: year, month, day); equal values of a profile once; in no order.
    """
    profiles = _series(batch.column("profile"))
    columns = [column for column in _judged(batch, spec) if column.rule is not None]
    rows = pl.concat([_NOTHING, *(part for column in columns for part in _wire_rows(column))])
    rows = _carried(rows, spec)
    rows = rows.with_columns(profile=profiles.gather(rows["row"]))
    kinds = [column.kind for column in columns]
    has_repeats = len(set(kinds)) < len(kinds) or profiles.n_unique() < len(profiles)
    return _as_batch(rows, has_repeats=has_repeats)


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
        *sorted(kind.label for kind in spec.carried or ()),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _carried(rows: pl.DataFrame, spec: PrepareSpec) -> pl.DataFrame:
    """Rows without the match fields that the audience cannot hold; its identifiers are marked.

    Their values stay: they may be on a list of people who are never sent.
    """
    if spec.carried is None:
        return rows
    is_foreign = ~pl.col("kind").is_in([int(kind) for kind in spec.carried])
    is_good = pl.col("reason") == int(Reason.ACCEPTED)
    return rows.filter(~is_foreign | (pl.col("kind") < FIRST_FIELD)).with_columns(
        reason=pl.when(is_foreign & is_good)
        .then(pl.lit(int(Reason.NOT_SENDABLE), pl.UInt8))
        .otherwise(pl.col("reason"))
    )


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


def _wire_rows(column: _Judged) -> Iterator[pl.DataFrame]:
    """Rows as `_NOTHING` has them; the parts of a good date of birth one by one."""
    digest = _AS_SHARED_DIGEST if column.kind in _FEW_TEXTS else _AS_DIGEST
    is_raw = column.rule is not None and column.rule.is_raw
    rows = column.cells.select(
        "row",
        pl.lit(int(column.kind), pl.UInt8).alias("kind"),
        "text",
        "reason",
        pl.when("is_hash")
        .then(pl.lit(_AS_HEX, pl.UInt8))
        .otherwise(pl.lit(_AS_TEXT if is_raw else digest, pl.UInt8))
        .alias("way"),
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


def _as_batch(rows: pl.DataFrame, *, has_repeats: bool) -> pa.RecordBatch:
    """What `prepare` gives; the good values in the order of their ways."""
    is_good = pl.col("reason").is_in([int(Reason.ACCEPTED), int(Reason.NOT_SENDABLE)])
    parts = [rows.filter(is_good & (pl.col("way") == way)) for way in _WAYS]
    good = pl.concat(parts).select("profile", "kind", "reason")
    values = pa.concat_arrays(
        [make(part["text"]) for make, part in zip(_WAYS.values(), parts, strict=True)]
    )
    if has_repeats:
        distinct = good.with_columns(value=_series(values)).unique()
        good, values = distinct.drop("value"), _binary(distinct["value"])
    bad = rows.filter(~is_good).select("profile", "kind", "reason")
    every = pl.concat([good, bad])
    return pa.RecordBatch.from_arrays(
        [
            every["profile"].to_arrow(),
            every["kind"].to_arrow(),
            pa.concat_arrays([values, pa.nulls(len(bad), pa.binary())]),
            every["reason"].to_arrow(),
        ],
        names=["profile", "kind", "value", "reason"],
    )


def _shared_digests(text: pl.Series) -> pa.Array:
    """Each different text is hashed once."""
    if text.is_empty():
        return hashing.digests(text)
    different = text.unique()
    numbers = pl.int_range(len(different), dtype=pl.UInt32, eager=True)
    places = text.replace_strict(different, numbers, return_dtype=pl.UInt32)
    return hashing.digests(different).take(places.to_arrow())


def _binary(values: pl.Series) -> pa.Array:
    return values.to_arrow().cast(pa.binary())


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


def _text(column: pa.Array) -> pl.Series:
    return _series(column).cast(pl.String)


def _series(column: pa.Array | pa.ChunkedArray) -> pl.Series:
    return pl.Series(pl.from_arrow(column))


_WAYS: dict[int, Callable[[pl.Series], pa.Array]] = {
    _AS_DIGEST: hashing.digests,
    _AS_SHARED_DIGEST: _shared_digests,
    _AS_HEX: lambda text: _binary(text.str.decode("hex")),
    _AS_TEXT: lambda text: _binary(text.cast(pl.Binary)),
}
