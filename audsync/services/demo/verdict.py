"""The judge of the demo: what the simulated platforms hold against who must be there.

Independent of what is judged: the sandbox shares no code with the connectors, and what must be in
an audience comes from `sample_people`.
"""

from dataclasses import dataclass

from audsync.sandbox.world import World
from audsync.services.demo.sample_people import Crowd, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One platform's members against the people who must be there, by two measures."""

    platform: str
    audiences: int
    identifiers_on_platform: int
    identifiers_in_segment: int
    missing: int
    """Identifiers of the segment that the platform does not hold."""
    unexpected: int
    """Identifiers that the platform holds and the segment does not."""
    people_on_platform: int
    people_in_segment: int
    people_missing: int
    """People of the segment whom the platform does not know by all their identifiers."""
    people_unexpected: int
    """People on the platform none of whose identifiers is in the segment."""
    violations: int
    """What no client may ever send, such as raw e-mails, that arrived at the platform."""

    @property
    def is_exact(self) -> bool:
        """Whether the platform holds the segment, and nothing else."""
        wrong = (
            self.missing,
            self.unexpected,
            self.people_on_platform - self.people_in_segment,
            self.people_missing,
            self.people_unexpected,
            self.violations,
        )
        return self.audiences == 1 and not any(wrong)


def judge(world: World, platform: str, crowd: Crowd) -> Verdict:
    """What one platform holds, after it has worked off all that it accepted."""
    guide = world.platforms[platform].guide
    remotes = world.remotes(platform)
    held = {pair for remote in remotes for pair in remote.identifiers}
    persons = [person for remote in remotes for person in remote.persons]
    person_of = {pair: number for number, person in enumerate(persons) for pair in person}
    wanted = [each.known_as(guide) for each in crowd.wanted]
    pairs = {pair for person in wanted for pair in person}
    found = [{person_of.get(pair) for pair in person} for person in wanted]
    met = {number for numbers in found for number in numbers if number is not None}
    return Verdict(
        platform=platform,
        audiences=len(remotes),
        identifiers_on_platform=len(held),
        identifiers_in_segment=len(pairs),
        missing=len(pairs - held),
        unexpected=len(held - pairs),
        people_on_platform=len(persons),
        people_in_segment=len(wanted),
        people_missing=sum(len(numbers) != 1 or None in numbers for numbers in found),
        people_unexpected=len(persons) - len(met),
        violations=sum(one["platform"] == platform for one in world.journal.violations),
    )


def introduce(world: World, platform: str, people: list[Person]) -> None:
    """Let the platform know which identifiers are one person's, where uploads do not say it."""
    simulated = world.platforms[platform]
    if simulated.guide.has_own_people:
        known = [sorted(person.known_as(simulated.guide)) for person in people]
        simulated.configure({"people": known})
