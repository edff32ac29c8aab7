"""What a finished job has to say beside its counts. Pure."""

from collections.abc import Iterator

from audsync.connectors.contract import Spec
from audsync.sync.run import Outcome

Warning_ = dict[str, str]


def warnings_of(outcome: Outcome, spec: Spec) -> list[Warning_]:
    """Warnings of a job, in the order a person should read them.

    Args:
        outcome: how the sync ended.
        spec: the platform's ways and limits.
    """
    books = outcome.books
    found: list[Warning_] = []

    def warn(code: str, message: str) -> None:
        found.append({"code": code, "message": message})

    if outcome.summary is None:
        return found
    skipped = books.profiles_skipped
    asked = books.profiles_read - skipped["no_consent"] - skipped["duplicate"]
    usable = asked - skipped["no_valid_identifier"] - skipped["suppressed"]
    if usable == 0:
        if skipped["no_valid_identifier"]:
            warn(
                "NO_VALID_IDENTIFIERS",
                "No profiles with valid identifiers (email, phone, MAID)",
            )
        else:
            warn("EMPTY_SEGMENT", "Segment has no profiles matching identifier criteria")
    elif usable < spec.minimum_size:
        warn(
            "BELOW_MINIMUM_SIZE",
            f"{usable:,} profiles are fewer than the {spec.minimum_size:,} matched people that"
            f" {spec.platform.label} needs before an audience can be used.",
        )
    if skipped["duplicate"]:
        warn(
            "DUPLICATE_PROFILES",
            f"{skipped['duplicate']:,} rows repeat a profile id: their identifiers were united.",
        )
    for message in _about_rejects(outcome, spec):
        warn("PLATFORM_REJECTED_ENTRIES", message)
    return found


def _about_rejects(outcome: Outcome, spec: Spec) -> Iterator[str]:
    """What the platform called invalid, in batches that it took and in batches of their own."""
    if outcome.books.platform_rejected:
        yield (
            f"{spec.platform.label} called {outcome.books.platform_rejected:,} entries of accepted"
            " batches invalid."
        )
    if outcome.refused.identifiers:
        yield _left_out(outcome, spec)


def _left_out(outcome: Outcome, spec: Spec) -> str:
    """How much is left out by now, and what to do about it."""
    total = outcome.refused
    now = len({one.profile for one in outcome.left_out})
    since = f"{now:,} of them since this job" if now else "all of them since earlier jobs"
    return (
        f"{spec.platform.label} refuses {total.identifiers:,} values of {total.profiles:,}"
        f" profiles, {since}: they are left out until they change. `audsync jobs show` lists what a"
        " job left out and why; `audsync retry` on it sends them once more."
    )
