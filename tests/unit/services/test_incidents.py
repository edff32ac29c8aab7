"""From how a job ended to the events that people hear of."""

from datetime import UTC, datetime
from typing import Any

import pytest

from audsync import errors
from audsync.config.watching import NotifyEvent
from audsync.services.watch import incidents, notice_text
from audsync.services.watch.incidents import chosen, met_by, met_without_job

E = NotifyEvent
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def job(status: str, code: str | None = None, *warnings: str, cause: str | None = None) -> Any:  # noqa: ANN401 - JSON
    details = {"cause": {"code": cause, "details": {}}} if cause else {}
    error = {"code": code, "message": "…", "details": details} if code else None
    told = [{"code": one, "message": "…"} for one in warnings]
    return {"status": status, "error": error, "warnings": told}


@pytest.mark.parametrize(
    ("ended", "troubles"),
    [
        (job("completed"), ()),
        (job("failed", "SOURCE_ERROR"), (E.FAILED,)),
        (job("failed", "GUARD_REFUSED"), (E.GUARD_REFUSED, E.FAILED)),
        (job("failed", "AUDIENCE_NOT_FOUND"), (E.STALE, E.FAILED)),
        (job("failed", "PERMISSION_DENIED"), (E.CREDENTIALS_EXPIRED, E.FAILED)),
        (job("failed", "CIRCUIT_OPEN"), (E.CIRCUIT_OPEN, E.FAILED)),
        (job("partial", "PARTIAL_FAILURE"), (E.PARTIAL,)),
        (job("partial", "PARTIAL_FAILURE", cause="CIRCUIT_OPEN"), (E.CIRCUIT_OPEN, E.PARTIAL)),
    ],
)
def test_troubles_most_telling_first(ended: Any, troubles: tuple[E, ...]) -> None:  # noqa: ANN401
    met = met_by(ended)
    assert met is not None
    assert met.troubles == troubles


@pytest.mark.parametrize("code", ["CANCELLED", "TIME_BUDGET_ENDED"])
def test_what_was_cut_short_is_no_news(code: str) -> None:
    assert met_by(job("failed", code)) is None
    assert met_without_job(code) is None


def test_every_warning_that_is_an_event_is_one() -> None:
    met = met_by(job("completed", None, "SIZE_DRIFT", "LOW_MATCH_RATE", "SLOW_SYNC"))
    assert met is not None
    assert met.oddities == {E.SIZE_DRIFT, E.LOW_MATCH_RATE}


def test_a_connection_that_rests_is_not_its_audiences_failure() -> None:
    met = met_without_job("CIRCUIT_OPEN")
    assert met is not None
    assert met.troubles == (E.CIRCUIT_OPEN,)


def test_one_of_several_is_heard() -> None:
    assert chosen((E.STALE, E.FAILED), {E.FAILED}) is E.FAILED
    assert chosen((E.STALE, E.FAILED), {E.FAILED, E.STALE}) is E.STALE
    assert chosen((E.STALE,), {E.PARTIAL}) is None


def test_every_code_in_the_tables_exists() -> None:
    kinds = [errors.AudsyncError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert incidents.EVENT_OF_ERROR.keys() | incidents.NO_NEWS <= {kind.code for kind in kinds}


@pytest.mark.parametrize("event", list(NotifyEvent))
def test_every_event_has_its_sentence_and_no_line_breaks(event: NotifyEvent) -> None:
    scene = {
        "tenant": 1,
        "audience": "a",
        "segment": "s",
        "platform": "meta",
        "connection": "c",
    }
    problem = {"code": "X", "message": "one\r\nINFO two\x1b[31m\u2028three"}
    body = notice_text.about(event, scene, now=NOW, problem=problem, ended=["failed"])
    assert body["event"] == event.value
    assert body["text"].isprintable()
    assert body["message"].isprintable()
    assert "{" not in body["text"]
