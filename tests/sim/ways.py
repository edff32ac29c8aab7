"""The five ways of platforms that the engine knows by their `Spec`, each with the least of limits.

`session`: rows of people, replaced in one session. `settling`: rows of people, worked off later,
replaced by a sweep. `rows`: rows of people, at once. `kinds`: requests of one kind each, at once.
`files`: nothing but replaces, which the last request of a session begins and hours end.
What `rows` and `kinds` replace by, an empty audience, is made above the engine.
"""

from dataclasses import replace

from audsync.connectors.contract import Replacing, Spec
from audsync.domain import Kind, Platform

SESSION = Spec(
    platform=Platform.META,
    api_version="sim",
    accepts=tuple(Kind),
    max_batch_rows=1_000,
    takes_person_rows=True,
    replaces_by=Replacing.SESSION,
    has_unique_names=False,
    max_name_chars=100,
    minimum_size=0,
    call_limits=(),
    seconds_per_call=1.0,
    source="the simulator",
)
SETTLING = replace(SESSION, replaces_by=Replacing.SWEEP, settles_within_s=24 * 3600)
ROWS = replace(SESSION, replaces_by=Replacing.SUCCESSOR)
KINDS = replace(ROWS, takes_person_rows=False)
FILES = replace(SESSION, changes_by_replace=True, settles_within_s=48 * 3600)

WAYS = (SESSION, SETTLING, ROWS, KINDS, FILES)


def way_of(seed: int) -> Spec:
    """Each of them in turn."""
    return WAYS[seed % len(WAYS)]
