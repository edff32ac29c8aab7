"""What a person should know about a segment before syncing it, in sentences."""

from collections.abc import Iterator
from dataclasses import dataclass

from audsync.config.model import ColumnsConfig
from audsync.domain import Kind
from audsync.sync.looks.column_tally import ColumnTally
from audsync.sync.looks.readiness import SHARED_BY, Findings

_NO_REGION = "no_region"
_WORTH_A_WORD = 0.01
"""Share of a column's cells below which a problem gets no line of advice."""
_MANY = 0.5
_REMEDIES = {
    "invalid_format": "correct these values in the source, or map another column",
    "placeholder": "leave such cells empty in the source; they are passed over either way",
    "too_long": "see whether the right column is mapped",
    "not_a_number": "see whether the right column is mapped",
    "invalid_phone": "see whether `region` is right; `phone_policy: possible` keeps more of them",
    "zero_id": "their owners refused tracking; nothing can be done",
    "already_hashed": "the platform takes the raw value only: map the column that holds it",
    "empty_hash": "somebody hashed empty cells; leave them empty in the source",
    "ambiguous_date": "write dates as YYYY-MM-DD",
    "not_sendable": "this audience holds other kinds only; see `list_kind` of its connection",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence or two: what was seen, and what to do. Never a value."""

    code: str
    message: str


def advice_on(columns: ColumnsConfig, findings: Findings) -> Iterator[Advice]:
    """What a person should know, most pressing first."""
    if not findings.rows:
        yield Advice(
            "EMPTY_SEGMENT",
            "The source yields no rows. Check its path and `where`: a sync of nothing would"
            " empty the audience, and is refused.",
        )
        return
    for platform, reach in findings.reach.items():
        if not reach.sendable:
            yield Advice(
                "NO_VALID_IDENTIFIERS",
                f"{platform.label} would get nobody: no profile that may be sent has an"
                " identifier it takes. See the reasons above.",
            )
    for name, tally in findings.columns.items():
        yield from _about_column(source_column(columns, name), tally)
    if findings.repeated_profiles:
        yield Advice(
            "DUPLICATE_PROFILES",
            f"Profiles that stand on several rows: {findings.repeated_profiles:,}. Their"
            " identifiers are united, and one row without consent does not stop the others.",
        )
    if findings.nameless_rows:
        yield Advice(
            "NO_PROFILE_ID",
            f"Rows without a profile id: {findings.nameless_rows:,}. Each counts as a person of its"
            " own, and a change to it looks like one who left and one who came.",
        )


def source_column(columns: ColumnsConfig, name: str) -> str:
    """The source's name of a batch column such as `email.1`."""
    label, _, place = name.partition(".")
    names = columns.by_kind[Kind[label.upper()]]
    return names[int(place) % len(names)]  # the further values of an array come after all columns


def _about_column(column: str, tally: ColumnTally) -> Iterator[Advice]:
    if not tally.filled:
        yield Advice(
            "EMPTY_COLUMN", f"`{column}` has no value at all. See whether it is the right column."
        )
        return
    yield from _about_rejects(column, tally)
    if tally.is_mixed:
        yield Advice(
            "MIXED_HASHES",
            f"{_share(tally.already_hashed, tally.filled)} of `{column}` is hashed already and the"
            " rest is not. Hashes are passed on as they are, so make sure that they were made of"
            " the normal form; raw values match best.",
        )
    if tally.sharing.shared_values:
        yield Advice(
            "SHARED_VALUES",
            f"Values of `{column}` that {SHARED_BY} profiles or more have:"
            f" {tally.sharing.shared_values:,} ({tally.sharing.shared_profiles:,} profiles in all),"
            " as noreply addresses and switchboards do. Leave them empty in the source.",
        )
    if tally.kind is Kind.EMAIL and tally.readable:
        business = tally.readable - tally.personal
        if business > _MANY * tally.readable:
            yield Advice(
                "BUSINESS_EMAILS",
                f"{_share(business, tally.readable)} of `{column}` are not at a provider of"
                " private mailboxes. People log in to ad platforms with private addresses: expect"
                " fewer matches, or map a private address or phone, too.",
            )
    plain = tally.filled - tally.already_hashed
    if tally.kind is Kind.PHONE and 0 < tally.national < plain:
        yield Advice(
            "MIXED_PHONE_FORMATS",
            f"{_share(tally.national, plain)} of `{column}` has no country code and the rest has"
            " one. The former are read with the row's country or `region`; write all with a"
            " country code to be sure.",
        )


def _about_rejects(column: str, tally: ColumnTally) -> Iterator[Advice]:
    for reason, count in tally.verdicts[tally.seen_by].invalid.most_common():
        if count < _WORTH_A_WORD * tally.filled:
            continue
        share = _share(count, tally.filled)
        if reason == _NO_REGION:
            yield Advice(
                "NO_REGION",
                f"{share} of `{column}` has no country code and no region: set `region`, or map"
                " `country`.",
            )
        else:
            yield Advice(
                "INVALID_VALUES",
                f"{share} of `{column}` is rejected as {reason}: {_REMEDIES[reason]}.",
            )


def _share(part: int, whole: int) -> str:
    percent = 100 * part / whole
    return f"{percent:.0f} %" if percent >= 1 else "less than 1 %"
