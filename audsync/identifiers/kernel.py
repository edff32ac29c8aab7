"""The one normaliser there is: raw cells in, what a platform takes out.

The local engine, Spark's workers and the `hash`, `check` and `export` commands all call it, so
one value has one answer everywhere. It is pure: the same batch gives the same rows in any thread,
process or order, and no value ever appears in a message. Its memory is bounded by the batch.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import polars as pl
import pyarrow as pa

from audsync.domain import STATEMENTS, YES_WORDS, Kind, Platform
from audsync.identifiers import consent, hashing, phone_oracle
from audsync.identifiers import text as texts
from audsync.identifiers.columns import Column, prepared
from audsync.identifiers.countries import code_of
from audsync.identifiers.packing import Values, pack
from audsync.identifiers.place import Regions
from audsync.identifiers.reasons import Reason
from audsync.identifiers.rules import BIRTH_SLICES, COLUMN_KINDS, REVISION, column_rule, shown_form

_COLUMN = re.compile(r"([a-z_]+)\.([0-9]+)")
_KINDS = {kind.label: kind for kind in COLUMN_KINDS}
_COUNTRY = f"{Kind.COUNTRY.label}.0"


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
    yes_words: tuple[str, ...] = YES_WORDS
    """What means yes in a column of consent, in lower case."""


def prepare(batch: pa.RecordBatch, spec: PrepareSpec) -> pa.RecordBatch:
    """What the platform takes of each profile, in the form in which it travels.

    Args:
        batch: `profile` uint64 without nulls, and string columns `{label}.{n}` such as `email.0`
            and `email.1`; others are ignored. `country.0` is the country of the row's phones, too;
            `ad_user_data.0` and `ad_personalization.0` state consent.
        spec: the platform, and how to read phones.

    Returns:
        `profile` uint64; `kind` uint8; `value` binary: a 32-byte SHA-256, the UTF-8 text where
        the platform takes it raw, null when rejected (but for `not_sendable`); `reason` uint8.
        One row a cell that is neither blank nor of a kind the platform does not take (a good date
        of birth gives three: year, month, day); equal values of a profile once; in no order.
    """
    columns = [column for column in _columns(batch, spec) if column.rule is not None]
    kinds = [column.kind for column in columns]
    parts = [prepared(column) for column in columns]
    rejections = [part for _, bad in parts for part in bad]
    return pack(
        batch.column("profile").to_numpy(),
        [
            *_held((part for values, _ in parts for part in values), spec),
            *_statements(batch, spec),
        ],
        [part for part in rejections if part.kind.is_identifier or _carries(spec, part.kind)],
        manifold={kind for kind in kinds if kinds.count(kind) > 1},
    )


def examine(
    batch: pa.RecordBatch, spec: PrepareSpec, names: Collection[str] | None = None
) -> pa.RecordBatch:
    """What becomes of each cell, side by side with the input rows.

    Args:
        batch: as for `prepare`; `profile` is not needed.
        spec: as for `prepare`.
        names: the columns to answer for; None: all. Others may say where a phone is from.

    Returns:
        for each column `{label}.{n}`, also of kinds that the platform does not take:
        `{label}.{n}.normalized` (null when rejected, blank or hashed already), `.hash` (its
        SHA-256 in lower-case hex), `.sent` (the hash, or the text where it goes raw; null where
        it is not taken; of a date of birth the hashes of year, month and day, a comma between),
        `.rejected` (the label of the reason, or null), `.already_hashed`.
    """
    index = pl.int_range(batch.num_rows, dtype=pl.UInt32, eager=True).alias("row").to_frame()
    answers: list[pl.Series] = []
    for column in _columns(batch, spec):
        if names is not None and column.name not in names:
            continue
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
    keys = (
        texts.series(texts.cells_of(ids))
        .to_frame("id")
        .select(key=pl.lit(f"{salt}\0") + pl.col("id"))
    )
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
        *(sorted(spec.yes_words) if spec.yes_words != YES_WORDS else ()),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _carries(spec: PrepareSpec, kind: Kind) -> bool:
    return spec.carried is None or kind in spec.carried


def _held(parts: Iterable[Values], spec: PrepareSpec) -> Iterator[Values]:
    """Without the match fields that the audience cannot hold; its identifiers are marked.

    Their values stay: they may be on a list of people who are never sent.
    """
    for part in parts:
        if _carries(spec, part.kind):
            yield part
        elif part.kind.is_identifier:
            yield replace(part, reason=Reason.NOT_SENDABLE)


def _statements(batch: pa.RecordBatch, spec: PrepareSpec) -> Iterator[Values]:
    """What the rows say about consent, where the platform is told so."""
    for kind in STATEMENTS:
        name = f"{kind.label}.0"
        is_told = column_rule(spec.platform, kind) is not None and _carries(spec, kind)
        if is_told and name in batch.schema.names:
            yield consent.stated(kind, texts.cells_of(batch.column(name)), spec.yes_words)


def _columns(batch: pa.RecordBatch, spec: PrepareSpec) -> Iterator[Column]:
    country = texts.cells_of(batch.column(_COUNTRY)) if _COUNTRY in batch.schema.names else None
    regions = Regions(country, default=_region(spec), rows=batch.num_rows)
    for name in batch.schema.names:
        match = _COLUMN.fullmatch(name)
        kind = _KINDS.get(match[1]) if match else None
        if kind is not None:
            yield Column(
                name=name,
                kind=kind,
                rule=column_rule(spec.platform, kind),
                form=shown_form(spec.platform, kind),
                cells=texts.cells_of(batch.column(name)),
                regions=regions,
                is_lenient=spec.phone_policy is PhonePolicy.POSSIBLE,
            )


def _shown(column: Column) -> pl.DataFrame:
    """The five answers about each cell, and its `row`."""
    judged = column.judge(np.arange(len(column.cells)))
    cells = pl.DataFrame(
        {
            "row": judged.rows.astype(np.uint32),
            "text": judged.text,
            "reason": judged.reason,
            "is_hash": judged.is_hash,
        }
    )
    text, is_hash = pl.col("text"), pl.col("is_hash")
    cells = cells.with_columns(hash=hashing.hex_digests(cells["text"]))
    cells = cells.with_columns(hash=pl.when(is_hash).then(text).otherwise("hash"))
    if column.rule is None:
        sent = pl.lit(None, pl.String)
    elif column.kind is Kind.DATE_OF_BIRTH:
        parts = [cells["text"].str.slice(*where) for where in BIRTH_SLICES.values()]
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
