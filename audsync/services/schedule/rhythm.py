"""When the rhythm of an audience wants it next: slots, jitter and quiet hours. Pure.

A slot is a moment of the rhythm; whatever happens there, the next ones stay where they are. What
was missed is not made up for. Every time is aware UTC.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

from audsync.config.model import Config
from audsync.config.times import Span, zone_of

_FOLDS = (0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """What the configuration says of the time at which anything is begun."""

    minimum_hours: int = 1
    jitter_s: int = 0
    quiet: tuple[Span, ...] = ()
    zone: tzinfo = UTC

    def interval(self, hours: int) -> timedelta:
        """Time between two slots of an audience that is to be synced every `hours`."""
        return timedelta(hours=max(hours, self.minimum_hours))

    def is_quiet(self, moment: datetime) -> bool:
        """Whether nothing is begun at that moment."""
        local = moment.astimezone(self.zone).time()
        return any(span.holds(local) for span in self.quiet)

    def awake(self, moment: datetime) -> datetime:
        """That moment, or the end of the quiet hours that it lies in."""
        if not self.is_quiet(moment):
            return moment
        return next(end for end in self._ends(moment) if end > moment and not self.is_quiet(end))

    def begin(self, slot: datetime, audience_id: UUID, interval: timedelta) -> datetime:
        """When the audience is begun for that slot: its own jitter later, out of quiet hours."""
        longest_s = min(self.jitter_s, interval // timedelta(seconds=2))
        late_s = audience_id.int % (longest_s + 1)
        return self.awake(slot + timedelta(seconds=late_s))

    def _ends(self, moment: datetime) -> Iterator[datetime]:
        """The moments at which quiet hours end from that day on, in order.

        A time of day that a change of clocks makes happen twice is there twice.
        """
        day = moment.astimezone(self.zone).date()
        while True:
            stops = [
                datetime.combine(day, span.stop, self.zone).replace(fold=fold).astimezone(UTC)
                for span in self.quiet
                for fold in _FOLDS
            ]
            yield from sorted(stops)
            day += timedelta(days=1)


def timetable_of(config: Config) -> Timetable:
    """The timetable that a configuration describes."""
    schedule = config.schedule
    return Timetable(
        minimum_hours=config.defaults.minimum_every,
        jitter_s=schedule.jitter,
        quiet=schedule.quiet,
        zone=zone_of(schedule.time_zone),
    )


def next_slot(slot: datetime | None, now: datetime, interval: timedelta) -> datetime:
    """The first moment of the rhythm after `now`.

    Args:
        slot: any moment of the rhythm; None where none has begun yet.
        now: when the audience was last dealt with.
        interval: time between two slots.
    """
    if slot is None:
        return now + interval
    if slot > now:
        return slot
    return slot + ((now - slot) // interval + 1) * interval
