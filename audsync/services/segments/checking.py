"""What `check` means: how well a segment will match, before the first call to a platform.

Touches neither store nor platform. Of the people's data only counts and masked samples come out.
"""

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from audsync.config.model import ColumnsConfig
from audsync.connectors import registry
from audsync.domain import Kind, Platform
from audsync.errors import StateError
from audsync.services.segments.advice import advice_on, source_column
from audsync.services.segments.compositions import Look, columns_of, holdouts_of, people_of
from audsync.services.segments.sources import (
    prepare_spec,
    suppression_query,
    working_memory,
)
from audsync.services.wiring.runtime import Runtime
from audsync.sync.looks.column_tally import ColumnTally
from audsync.sync.looks.readiness import Assessment, Reach, assess
from audsync.sync.wanted.inspection import is_taken

Json = dict[str, Any]

BATCH_ROWS = 50_000
"""Every platform looks at every column of a batch: they are all in memory at once."""


def check(runtime: Runtime, name: str, platforms: Sequence[Platform]) -> Json:
    """How ready a segment is to be matched.

    Returns:
        `segment`, `rows`, `profiles` and counts of doubtful profile ids; `columns`, one entry a
        mapped column with counts and masked samples; `platforms`, one entry each with the number
        of sendable profiles and why the others are skipped, as a job would count them; and
        `advice`, sentences with a `code`.

    Raises:
        SegmentNotFoundError, SegmentInactiveError, ConfigError: it cannot be used.
        SourceError: its source cannot be read to its end.
        StateError: the temporary folder is full.
    """
    segment = runtime.segment(name)
    try:
        with tempfile.TemporaryDirectory(prefix="audsync-check-") as folder:
            findings = assess(_assessment(runtime, name, platforms, Path(folder)))
    except OSError as error:
        raise StateError(
            f"The temporary folder {tempfile.gettempdir()} cannot be written:"
            f" {error.strerror or type(error).__name__}. Make room, or set TMPDIR to another one.",
            details={"folder": tempfile.gettempdir()},
        ) from None
    mapped = columns_of(runtime, segment)
    columns = [_column(mapped, column, tally) for column, tally in findings.columns.items()]
    return {
        "segment": name,
        "rows": findings.rows,
        "profiles": findings.profiles,
        "repeated_profiles": findings.repeated_profiles,
        "rows_without_profile_id": findings.nameless_rows,
        "columns": [_with_empty(column, findings.rows) for column in columns],
        "platforms": [_reach(platform, reach) for platform, reach in findings.reach.items()],
        "advice": [asdict(one) for one in advice_on(mapped, findings)],
    }


def _assessment(
    runtime: Runtime, name: str, platforms: Sequence[Platform], work: Path
) -> Assessment:
    segment = runtime.segment(name)
    # A salt of this run alone: what stands in the folder means nothing to anyone else.
    salt = secrets.token_hex(32)
    runtime.progress.phase("read", None)

    def advance(rows: int) -> None:
        runtime.stop.check()
        runtime.progress.advance(rows)

    look = Look(platforms=platforms, salt=salt, spill=work / "spill", batch_rows=BATCH_ROWS)
    return Assessment(
        query=people_of(runtime, name, look),
        suppress=[
            suppression_query(runtime, entry, salt=salt, spill=work / "spill")
            for entry in runtime.config.suppress
        ],
        specs={
            platform: prepare_spec(runtime, segment, platform, _accepts(runtime, platform))
            for platform in platforms
        },
        work=work,
        memory_bytes=working_memory(runtime),
        advance=advance,
        holdouts=holdouts_of(runtime, name),
    )


def _accepts(runtime: Runtime, platform: Platform) -> Sequence[Kind]:
    """What the audiences of all connections to a platform can hold; of an ordinary one if none."""
    specs = [
        runtime.spec_of(known.settings)
        for known in runtime.connections().values()
        if known.settings.platform is platform
    ]
    return sorted(
        {kind for spec in specs or [registry.spec_of(platform, {})] for kind in spec.accepts}
    )


def _column(mapped: ColumnsConfig, name: str, tally: ColumnTally) -> Json:
    seen = tally.verdicts[tally.seen_by]
    return {
        "column": source_column(mapped, name),
        "type": tally.kind.label,
        "filled": tally.filled,
        "valid": seen.valid,
        "invalid": dict(seen.invalid.most_common()),
        "samples": {reason: list(samples) for reason, samples in tally.samples.items()},
        "distinct": tally.sharing.distinct,
        "duplicates": tally.sharing.repeated,
        "already_hashed": tally.already_hashed,
        "is_mixed": tally.is_mixed,
        "shared": {
            "values": tally.sharing.shared_values,
            "profiles": tally.sharing.shared_profiles,
        },
        "platforms": {
            platform.value: {"valid": verdicts.valid, "invalid": dict(verdicts.invalid)}
            for platform, verdicts in tally.verdicts.items()
            if is_taken(platform, tally.kind)
        },
    }


def _with_empty(column: Json, rows: int) -> Json:
    """The column with its blank cells counted; names first."""
    head = {key: column.pop(key) for key in ("column", "type", "filled")}
    return {**head, "empty": rows - head["filled"], **column}


def _reach(platform: Platform, reach: Reach) -> Json:
    return {
        "platform": platform.value,
        "sendable": reach.sendable,
        "skipped": {
            "no_valid_identifier": reach.no_valid_identifier,
            "no_consent": reach.no_consent,
            "suppressed": reach.suppressed + reach.excluded + reach.held_out,
            "duplicate": reach.duplicate,
        },
        "excluded": reach.excluded,
        "held_out": reach.held_out,
    }
