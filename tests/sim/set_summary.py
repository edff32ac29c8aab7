"""What a plan comes to, counted with sets."""

from collections.abc import Sequence

from audsync.domain import FIRST_FIELD
from audsync.sync.contract import KindChange, PlanSummary
from tests.sim.set_change import Change, Known
from tests.sim.set_rows import SourceRow, Value, by_kind, sizes_of, values

_CAUSES = {3: "suppressed", 2: "consent_withdrawn", 1: "identifier_changed", 0: "left_segment"}


def summarise(known: Known, change: Change, rows: Sequence[SourceRow]) -> PlanSummary:
    """The numbers of a plan; `rows` are the wanted source rows."""
    wanted, confirmed = sizes_of(known.d), values(known.c)
    adds, removes = by_kind(change.appearing), by_kind(change.removed)
    stays = by_kind(values(known.d) & confirmed)
    lasts = {link[0] for link in known.c if link[1:] in change.removed}
    carried = {link[0] for link in known.c if link[1] < FIRST_FIELD}
    return PlanSummary(
        kinds={
            kind: KindChange(
                adds=adds.get(kind, 0),
                removes=removes.get(kind, 0),
                unchanged=stays.get(kind, 0),
            )
            for kind in sorted({*wanted, *removes, *sizes_of(known.c)})
        },
        causes=_causes(rows, known, change),
        profiles_sent=len(change.sent),
        profiles_new=len(change.sent - carried),
        profiles_refreshed=len(change.refreshed),
        profiles_left=len(change.departed),
        profiles_left_silently=len(change.departed - lasts),
        echoed=len(known.e),
        session_kinds=(),
    )


def _causes(rows: Sequence[SourceRow], known: Known, change: Change) -> dict[str, int]:
    states: dict[int, int] = {}
    for _, profile, state, _ in rows:
        states[profile] = max(states.get(profile, 1), state)
    worst: dict[Value, int] = dict.fromkeys(change.removed, 0)
    for profile, *value in known.c | known.u:
        key = (value[0], value[1])
        if key in worst:
            worst[key] = max(worst[key], states.get(profile, 0))
    causes: dict[str, int] = {}
    for code in worst.values():
        causes[_CAUSES[code]] = causes.get(_CAUSES[code], 0) + 1
    return causes
