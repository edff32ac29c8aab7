"""The faults that audsync must survive, and for each platform the tests that bring them about.

`real`: over sockets, or with processes, disks and servers that are really hurt. `simulated`: in one
process without any socket, most of them thousands of histories.
"""

from dataclasses import dataclass, field

PLATFORMS = ("meta", "google", "tiktok", "snapchat")
EVERYWHERE = frozenset(PLATFORMS)

_FAULTS = "tests/faults/test_{}.py::test_{}"
HISTORIES = "tests/sim/test_history.py::test_history_ends_exact"
EVERY_STEP = "tests/sim/test_exhaustive.py::test_a_crash_at_any_step_of_two_runs_heals"
_KILLS = "tests/crash/test_kill.py::test_a_{}_killed_at_any_step_is_made_good_by_the_next"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """A test, and the platforms on which it runs."""

    test: str
    on: frozenset[str] = EVERYWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A kind of fault."""

    number: int
    fault: str
    expected: str
    real: tuple[Cover, ...] = ()
    simulated: tuple[Cover, ...] = (Cover(test=HISTORIES),)
    on: frozenset[str] = EVERYWHERE
    """Where there is such a fault at all."""
    note: str = field(default="")

    def is_real(self, platform: str) -> bool:
        """Whether real sockets, processes or disks are hurt on this platform."""
        return any(platform in cover.on for cover in self.real)

    def is_simulated(self, platform: str) -> bool:
        """Whether it is lived through in one process."""
        return any(platform in cover.on for cover in self.simulated)


def _fault(module: str, *names: str, on: frozenset[str] = EVERYWHERE) -> tuple[Cover, ...]:
    return tuple(Cover(test=_FAULTS.format(module, name), on=on) for name in names)


_JUDGES_AT_ONCE = frozenset({"meta", "tiktok", "snapchat"})
_WORKS_OFF_LATER = frozenset({"google", "tiktok"})
_FORGETS = frozenset({"meta", "google", "snapchat"})

ROWS = (
    Row(
        number=1,
        fault="too many calls: seconds, a date, nonsense, ten hours, nothing said, own codes",
        expected="waited for within the cap, for all processes; past it the run ends with 6",
        real=_fault(
            "answers",
            "every_form_of_too_many_calls_is_waited_for_or_ends_the_run",
            "a_limit_for_hours_ends_the_run_and_holds_for_the_next",
        ),
    ),
    Row(
        number=2,
        fault="500, 502, 503, 504 with a page, before and after the effect",
        expected="nothing is assumed; the same batch again",
        real=_fault(
            "answers",
            "answers_that_prove_nothing_once_cost_nothing",
            "answers_that_never_prove_anything_leave_doubts_and_no_mistakes",
        ),
    ),
    Row(
        number=3,
        fault="connection refused, unknown name, TLS that fails",
        expected="nothing left, nothing in doubt; tried again",
        real=_fault("wire", "without_a_connection_nothing_leaves"),
    ),
    Row(
        number=4,
        fault="no answer in time, before and after the effect",
        expected="in doubt; said again, and echoed in the next run",
        real=(
            *_fault("answers", "time_outs_before_and_after_the_effect_are_the_same_to_us"),
            *_fault("wire", "silence_is_a_doubt_and_no_answer"),
        ),
    ),
    Row(
        number=5,
        fault="the connection cut, reset or half closed in request or answer, at any byte",
        expected="in doubt; the same batch again",
        real=_fault(
            "wire",
            "connections_that_break_once_cost_nothing",
            "connections_that_break_again_and_again_are_made_good",
        ),
    ),
    Row(
        number=6,
        fault="200 with broken, empty, HTML or huge bodies, or without what was asked for",
        expected="never taken for an effect",
        real=_fault(
            "answers",
            "answers_that_prove_nothing_once_cost_nothing",
            "answers_that_never_prove_anything_leave_doubts_and_no_mistakes",
        ),
    ),
    Row(
        number=7,
        fault="one value is refused, and what stands with it",
        expected="the others land; the one is named by its profile",
        real=_fault(
            "answers", "what_is_refused_for_one_value_holds_up_nobody_else", on=_JUDGES_AT_ONCE
        ),
    ),
    Row(
        number=8,
        fault="accepted, then it comes to nothing, in part or never ends",
        expected="in doubt until it is final, and planned again",
        on=_WORKS_OFF_LATER,
        real=(
            Cover(
                test="tests/crash/test_storm.py::test_one_clean_run_after_any_storm_is_exact",
                on=_WORKS_OFF_LATER,
            ),
        ),
        note="Meta and Snapchat apply what they answer.",
    ),
    Row(
        number=9,
        fault="a token ends or is revoked, a right is taken: before a run, and in the middle",
        expected="renewed once where it can be; else 5, and the plan stays open",
        real=(
            *_fault("people_must_act", "what_a_person_must_mend_stops_it_and_is_made_good"),
            *_fault(
                "people_must_act",
                "a_token_that_ends_in_mid_run_is_made_anew_and_nothing_is_lost",
                on=frozenset({"google", "snapchat"}),
            ),
        ),
    ),
    Row(
        number=10,
        fault="the audience is deleted, made anew, or has a namesake; terms are not accepted",
        expected="stale until a person decides; a namesake is never adopted",
        real=(
            *_fault(
                "people_must_act",
                "an_audience_that_vanishes_is_made_anew_when_a_person_says_so",
            ),
            Cover(test="tests/crash/test_storm.py::test_a_create_in_a_storm_makes_one_audience"),
        ),
    ),
    Row(
        number=11,
        fault="an effect comes late, or after the next one's",
        expected="echo: what was in doubt is said once more",
        real=_fault("answers", "effects_that_come_late_or_in_another_order_are_healed"),
    ),
    Row(
        number=12,
        fault="a replace is cut at any step, its session ends, its end gets lost",
        expected="finished, or begun anew, by the next run",
        real=(Cover(test=_KILLS.format("replace")),),
    ),
    Row(
        number=13,
        fault="members are forgotten after a while",
        expected="each sync sends a slice again",
        on=_FORGETS,
        simulated=(
            Cover(
                test="tests/services/test_aging.py::test_a_daily_sync_keeps_everybody", on=_FORGETS
            ),
        ),
        note="TikTok keeps members for as long as the audience is used.",
    ),
    Row(
        number=14,
        fault="killed before or after any file, transaction or request",
        expected="one clean run on another segment is exact",
        real=(Cover(test=_KILLS.format("sync")),),
        simulated=(Cover(test=HISTORIES), Cover(test=EVERY_STEP)),
    ),
    Row(
        number=15,
        fault="SIGTERM, SIGINT twice, SIGSTOP for longer than the lease",
        expected="130 and consistent; a lease that was lost writes nothing",
        real=(
            *_fault("signals", "signals_in_mid_request_leave_nothing_undone"),
            *_fault("signals", "who_interrupts_twice_does_not_wait", on=frozenset({"meta"})),
            *_fault("hosts", "one_works_whoever_is_frozen_or_killed", on=frozenset({"meta"})),
        ),
    ),
    Row(
        number=16,
        fault="the disk is full",
        expected="1, what was is intact, nothing is sent; goes on when there is room",
        real=_fault(
            "state",
            "a_full_disk_stops_before_anything_is_sent_and_keeps_what_was",
            "a_store_without_room_for_one_more_page_is_an_error_and_no_loss",
        ),
        simulated=(),
    ),
    Row(
        number=17,
        fault="the store is locked, read-only, away, killed and back, silent about a commit",
        expected="no request without a lease; an unsure commit is read again",
        real=_fault(
            "store",
            "a_store_that_is_locked_stops_it_before_anything_is_sent",
            "a_store_that_may_only_be_read_stops_it_before_anything_is_sent",
            "a_server_that_is_killed_and_comes_back_in_mid_run_costs_no_exactness",
            "a_commit_whose_answer_is_lost_is_looked_up_and_not_assumed",
            "a_server_that_is_away_at_the_start_is_told_and_nothing_is_sent",
        ),
    ),
    Row(
        number=18,
        fault="a state file is missing, cut, or has one bit flipped; an old backup is restored",
        expected="refused by name; `replace` or `reconcile` mends it",
        real=_fault(
            "state",
            "a_damaged_file_is_refused_by_name_and_replace_mends_it",
            "an_old_backup_of_the_store_is_not_believed",
        ),
        simulated=(),
    ),
    Row(
        number=19,
        fault="the host's clock is a day off, or steps in mid-run",
        expected="exact all the same; leases go by the server's clock on PostgreSQL",
        real=_fault(
            "clock",
            "a_host_that_is_a_day_off_syncs_exactly",
            "a_clock_that_steps_in_mid_run_costs_no_exactness",
        ),
        simulated=(),
    ),
    Row(
        number=20,
        fault="two hosts at once, one frozen, killed or cut off",
        expected="one works; every end is exact",
        real=(
            *_fault(
                "hosts",
                "one_works_whoever_is_frozen_or_killed",
                "who_is_cut_off_from_all_is_taken_over_and_sends_nothing_of_its_own_afterwards",
                "who_hears_nothing_more_of_the_store_sends_nothing_after_the_other",
                on=frozenset({"meta"}),
            ),
            Cover(
                test="tests/crash/test_run_due.py"
                "::test_four_platforms_at_once_survive_a_kill_at_any_step"
            ),
        ),
    ),
    Row(
        number=21,
        fault="the segment changes while it is read, breaks off, is empty, holds nobody valid",
        expected="one state of it or none; guards",
        real=_fault(
            "source",
            "a_source_that_changes_while_it_is_read_is_one_of_both",
            "a_source_that_cannot_be_believed_sends_nothing",
        ),
        simulated=(),
    ),
    Row(
        number=22,
        fault="a column is gone or holds something else, another encoding, a huge cell",
        expected="refused with column names and counts only",
        real=_fault("source", "a_source_that_cannot_be_believed_sends_nothing"),
        simulated=(),
    ),
    Row(
        number=23,
        fault="the engine is killed in the middle of its work",
        expected="its folder is thrown away, nothing was sent",
        real=(Cover(test=_KILLS.format("sync")),),
        simulated=(Cover(test="tests/sim/test_local_history.py::test_local_history_ends_exact"),),
    ),
    Row(
        number=24,
        fault="hostile values: formulas, SQL, control characters, turned text",
        expected="values like others, never printed",
        real=_fault("source", "odd_and_hostile_values_are_values"),
        simulated=(),
    ),
    Row(
        number=25,
        fault="an upgrade in the middle of a plan, and back",
        expected="an older version's plan is finished; a newer store is refused; down again too",
        real=_fault("upgrade", "a_plan_of_an_older_version_is_finished_after_the_upgrade"),
        simulated=(
            Cover(
                test="tests/store/test_migrations.py::test_every_revision_goes_up_and_down_again"
            ),
        ),
    ),
)
