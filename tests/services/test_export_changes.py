import csv
import hashlib
import io
from typing import Any

import pytest

from audsync.domain import Platform
from audsync.errors import AudienceUnknownError, FeatureDisabledError, UsageError
from audsync.services import audiences, auditing
from audsync.services.exports.export_changes import DeltaWish, export_delta
from tests.services.conftest import CONFIG, Project


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def delta(
    project: Project, *, audience: str = "a", segment: str | None = None
) -> list[dict[str, str]]:
    out = project.folder / "delta.csv"
    wish = DeltaWish(audience=audience, segment=segment, out=str(out), format="csv")
    export_delta(project.runtime, wish, stdout=io.BytesIO())
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def kept(project: Project) -> tuple[list[dict[str, Any]], list[object], dict[str, bytes]]:
    """What is known of the audience, its jobs and its files."""
    state = project.folder / "audsync-state"
    runtime = project.runtime
    files = {str(path): path.read_bytes() for path in state.rglob("*") if path.is_file()}
    return audiences.status(runtime), [*audiences.history(runtime)], files


@pytest.fixture
def grown(project: Project) -> Project:
    """Two people are on the platform; one has left since, one has come, one is the same."""
    project.segment(
        [{"id": "1", "email": "ann@x.co"}, {"id": "2", "email": "bob@x.co", "work": "b@w.co"}]
    )
    report = project.create()
    assert report.exit_code == 0, report.job["error"]
    project.segment(
        [{"id": "2", "email": "bob@x.co", "work": "b@w.co"}, {"id": "3", "email": "cy@x.co"}]
    )
    return project


def test_it_holds_what_sync_sends_with_its_action(grown: Project) -> None:
    assert delta(grown) == [
        {"batch": "1", "action": "remove", "email": sha("ann@x.co")},
        {"batch": "2", "action": "add", "email": sha("cy@x.co")},
    ]
    before = grown.held()
    assert grown.sync(allow_shrink=True).exit_code == 0
    after = grown.held()
    assert {value for _, value in before - after} == {sha("ann@x.co")}
    assert {value for _, value in after - before} == {sha("cy@x.co")}
    assert delta(grown) == []


def test_a_person_with_two_addresses_takes_two_rows_as_on_the_wire(project: Project) -> None:
    project.segment([])
    project.create()
    project.segment([{"id": "2", "email": "bob@x.co", "work": "b@w.co", "crm": "c-1"}])
    rows = delta(project)
    assert {row["email"] for row in rows} == {sha("bob@x.co"), sha("b@w.co")}
    assert [(row["action"], row["external_id"]) for row in rows] == [("add", "c-1")] * 2


def test_it_touches_nothing(grown: Project) -> None:
    before, held = kept(grown), grown.held()
    delta(grown)
    assert kept(grown) == before
    assert grown.held() == held


def test_the_audit_trail_tells_of_it(grown: Project) -> None:
    delta(grown)
    entry = auditing.listed(grown.runtime, since=None, limit=1)[0]
    assert (entry["act"], entry["subject"]) == (
        "segment.exported",
        {"segment": "vip", "audience": "a"},
    )


def test_a_guard_s_objection_is_told(grown: Project) -> None:
    grown.segment([])
    wish = DeltaWish(audience="a", out="-", format="jsonl")
    done = export_delta(grown.runtime, wish, stdout=io.BytesIO())
    assert any("yielded no rows" in note for note in done.notes)
    assert done.report["profile_count"] == 2


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"segment": "other"}, UsageError),
        ({"audience": "nobody"}, AudienceUnknownError),
    ],
)
def test_what_cannot_be_written_is_refused(
    grown: Project, wish: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        delta(grown, **wish)


def test_the_switch_for_exports_is_also_one_for_changes(grown: Project) -> None:
    text = CONFIG + "features: {audience_export: false}\n"
    (grown.folder / "audsync.yaml").write_text(text, encoding="utf-8")
    grown.restart()
    with pytest.raises(FeatureDisabledError):
        delta(grown)


def test_a_platform_that_is_switched_off_can_still_be_looked_at(grown: Project) -> None:
    text = CONFIG + f"features: {{audience_sync_{Platform.META}: false}}\n"
    (grown.folder / "audsync.yaml").write_text(text, encoding="utf-8")
    grown.restart()
    assert len(delta(grown)) == 2
