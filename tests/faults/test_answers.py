"""What becomes of a sync when a platform answers badly, or not what was asked, over sockets.

As in `test_wire`: faulty runs on other people each time, then one clean one that must be exact.
"""

from typing import Any

import pytest

from audsync.services.jobs import retrying
from tests.crash.ways import META, SNAPCHAT, TIKTOK, TIKTOK_FILES
from tests.faults.scene import IS_THOROUGH, Scene, some_of

Rules = dict[str, Any]
SHORT_LIMITS: dict[str, Rules] = {
    "no time": {"kind": "rate_limit", "wait_min": 0},
    "seconds": {"kind": "rate_limit", "wait_min": 0, "headers": {"Retry-After": "1"}},
    "a date": {
        "kind": "rate_limit",
        "wait_min": 0,
        "headers": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"},
    },
    "zero": {"kind": "rate_limit", "wait_min": 0, "headers": {"Retry-After": "0"}},
    "less than nothing": {"kind": "rate_limit", "wait_min": 0, "headers": {"Retry-After": "-1"}},
    "no number": {"kind": "rate_limit", "wait_min": 0, "headers": {"Retry-After": "soon"}},
    "a bare 429": {"kind": "status", "status": 429},
}
"""Forms of "too many calls" after which a run may wait and go on."""
LONG_LIMIT: Rules = {"kind": "rate_limit", "wait_min": 600, "headers": {"Retry-After": "36000"}}
"""Ten hours, said in every way there is."""
SPOILT: dict[str, Rules] = {
    **{
        f"{status} {when}": {"kind": "status", "status": status, "when": when}
        for status in (500, 502, 503, 504)
        for when in ("before", "after")
    },
    **{
        kind: {"kind": kind}
        for kind in ("broken_json", "empty", "html", "missing_fields", "huge", "cut", "reset")
    },
    "refused connections": {"kind": "refuse"},
}
"""Answers that prove nothing; the same request may go again."""
WITHOUT_END: dict[str, Rules] = {
    **{name: {**SPOILT[name], "times": 0} for name in ("500 after", "503 before", "html")},
    **{kind: {"kind": kind, "times": 0} for kind in ("broken_json", "empty", "huge")},
}
UNANSWERED: dict[str, Rules] = {
    "applied, no answer in time": {"kind": "hang", "when": "after"},
    "not applied, no answer in time": {"kind": "hang", "when": "before"},
    "applied after the run": {"kind": "late", "calls": 50},
    "applied some calls later": {"kind": "late", "calls": 2},
}
LATE_EFFECTS: dict[str, Rules] = {
    "an error, and applied later": {"kind": "late", "calls": 2, "reply": "error"},
    "applied after the next": {"kind": "reorder"},
}
FEW = 2
"""Where a change is one upload, or several runs, no more requests can be struck in one."""
MOST_OF_ONE = 5
"""Nobody has more identifiers."""
REFUSALS: dict[str, Rules] = {
    META.label: {"kind": "error", "code": 100},
    TIKTOK.label: {"kind": "error_in_200", "code": 40002},
    SNAPCHAT.label: {"kind": "error", "code": 1},
}
"""How each platform says that a request holds something that it does not take."""


def every_other(scene: Scene, faults: dict[str, Rules]) -> None:
    """Each strikes one call that is about members, so far apart that the next try is let through.

    A rule counts the calls that others strike, too.
    """
    scene.arm(
        *(
            {**rule, "path": scene.way.members_path, "nth": 2 * at + 1}
            for at, rule in enumerate(faults.values())
        )
    )


def struck(scene: Scene) -> int:
    return sum(rule["struck"] for rule in scene.look("faults")["faults"])


def strike(scene: Scene, rule: Rules) -> None:
    scene.arm({"path": scene.way.members_path, **rule})


def assert_goes_on(scene: Scene, faults: dict[str, Rules], *, least: int) -> None:
    """All of them in one run; with AUDSYNC_CHAOS=1 each of them in one of its own as well."""
    scene.batch_rows = 2
    scene.write_config()
    every_other(scene, faults)
    ended = scene.hurt()
    assert ended.code in (0, 3, 6), str(ended)
    assert struck(scene) >= least, f"the faults came: {ended}"
    scene.heal()
    for name, rule in faults.items() if IS_THOROUGH else ():
        strike(scene, rule)
        assert scene.hurt().code in (0, 3, 6), name
        scene.heal(name)


def test_every_form_of_too_many_calls_is_waited_for_or_ends_the_run(scene: Scene) -> None:
    assert_goes_on(scene, SHORT_LIMITS, least=1)


def test_a_limit_for_hours_ends_the_run_and_holds_for_the_next(scene: Scene) -> None:
    strike(scene, {**LONG_LIMIT, "times": 0})
    ended = scene.hurt()
    assert (ended.code, ended.error["code"]) == (6, "RATE_LIMITED"), str(ended)
    assert ended.json["profiles_failed"] == 0, "a refusal leaves no doubt"
    scene.pass_time(36_000)
    scene.heal()


def test_answers_that_prove_nothing_once_cost_nothing(scene: Scene) -> None:
    few = scene.way is TIKTOK_FILES or scene.way.settles
    assert_goes_on(scene, SPOILT, least=FEW if few else len(SPOILT) - 3)


def test_answers_that_never_prove_anything_leave_doubts_and_no_mistakes(scene: Scene) -> None:
    for name, rule in some_of(WITHOUT_END, scene).items():
        strike(scene, rule)
        ended = scene.hurt()
        assert ended.code in (3, 6), f"{name}: {ended}"
        scene.heal(name)


def test_time_outs_before_and_after_the_effect_are_the_same_to_us(scene: Scene) -> None:
    scene.request_timeout = 0.3
    scene.write_config()
    for rule in some_of(UNANSWERED, scene).values():
        strike(scene, {**rule, "seconds": 1, "times": 2})
    ended = scene.hurt()
    assert struck(scene)
    assert ended.code in (0, 3, 6), str(ended)
    scene.heal()


def test_effects_that_come_late_or_in_another_order_are_healed(scene: Scene) -> None:
    for rule in some_of(LATE_EFFECTS, scene).values():
        strike(scene, {**rule, "times": 2})
    ended = scene.hurt()
    assert ended.code in (0, 3, 6), str(ended)
    scene.heal()


def test_what_is_refused_for_one_value_holds_up_nobody_else(scene: Scene) -> None:
    """The platform refuses whatever holds one value; later it takes everything."""
    if scene.way.settles:
        pytest.skip("it judges requests later, or a file as a whole")
    before = scene.segment.identifiers(scene.way.names)
    scene.write_segment(scene.town.live())
    coming = scene.segment.identifiers(scene.way.names) - before
    poison = min(value for key, value in coming if "EMAIL" in key)
    scene.arm({**REFUSALS[scene.way.label], "holds": poison, "times": 0})
    ended = scene.sync()
    assert ended.code in (0, 3), str(ended)
    (remote,) = scene.remotes()
    held = {(key, value) for key, value in remote["identifiers"]}
    missing = scene.segment.identifiers(scene.way.names) - held
    assert poison in {value for _, value in missing}
    assert len(missing) <= MOST_OF_ONE, "only what is one person's is not there"
    scene.calm()
    again = scene.call(
        lambda runtime: retrying.retry(runtime, ended.json["job_id"], allow_shrink=True)
    )
    assert again.code == 0, str(again)
    scene.heal()
