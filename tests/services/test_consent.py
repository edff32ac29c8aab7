"""Consent by platform: who did not agree to one is not there, and leaves it once they withdraw."""

import csv
from io import BytesIO
from pathlib import Path

import pytest

from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.errors import ConfigError
from audsync.services.exports.export_wish import Wish
from audsync.services.exports.exporting import export
from audsync.services.jobs.planning import plan
from audsync.services.segments.checking import check
from tests.services.conftest import CONFIG, Project, closes, email
from tests.services.everywhere import PLATFORMS, Everywhere

NAMES = ("ann", "bob", "cara", "dan", "eve", "fay", "gil", "hal")
EMAILS = {name: f"{name}@example.com" for name in NAMES}
HEADER = ("id", "email", "ok", "ok_meta", "ok_tiktok")
SEGMENT = """
segments:
  vip:
    source: {type: file, path: vip.csv}
    columns:
      profile_id: id
      email: email
      consent: {default: ok, meta: ok_meta, tiktok: ok_tiktok}
"""


def _rows(**cells: dict[str, str]) -> list[dict[str, str]]:
    yes = {"ok": "yes", "ok_meta": "yes", "ok_tiktok": "yes"}
    return [{"id": name, "email": EMAILS[name], **yes, **cells.get(name, {})} for name in NAMES]


def test_consent_withdrawn_on_one_platform_is_gone_from_that_one_alone(tmp_path: Path) -> None:
    place = Everywhere(tmp_path, SEGMENT)
    place.write("vip.csv", _rows(hal={"ok_meta": "no"}), HEADER)
    place.create()
    everybody = set(NAMES)
    held = dict.fromkeys(PLATFORMS, everybody) | {"meta": everybody - {"hal"}}
    assert place.holders(EMAILS) == held
    now = {"ann": {"ok_meta": ""}, "bob": {"ok_tiktok": "0"}, "cara": {"ok": "withdrawn"}}
    place.write("vip.csv", _rows(**now, hal={"ok_meta": "no"}), HEADER)
    assert plan(place.runtime, "meta")["removal_causes"]["consent_withdrawn"] == 1
    ended = place.run_due()
    assert {job["status"] for job in ended.jobs} == {"completed"}
    assert all(closes(job) for job in ended.jobs)
    assert place.holders(EMAILS) == {
        "meta": everybody - {"hal", "ann"},
        "tiktok": everybody - {"bob"},
        "google": everybody - {"cara"},
        "snapchat": everybody - {"cara"},
    }
    jobs = {job["audience"]: job for job in ended.jobs}
    for found in check(place.runtime, "vip", list(Platform))["platforms"]:
        job = jobs[found["platform"]]
        assert found["skipped"] == job["profiles_skipped"]
        assert found["sendable"] == job["profiles_read"] - sum(job["profiles_skipped"].values())


@pytest.mark.parametrize(
    ("platform", "names"),
    [(Platform.META, {"bob", "cara"}), (Platform.GOOGLE, {"ann", "bob"}), (None, {"ann", "bob"})],
)
def test_export_asks_for_the_consent_of_the_platform_that_it_is_for(
    tmp_path: Path, platform: Platform | None, names: set[str]
) -> None:
    place = Everywhere(tmp_path, SEGMENT)
    rows = _rows(ann={"ok_meta": "no"}, cara={"ok": "no"})[:3]
    place.write("vip.csv", rows, HEADER)
    out = tmp_path / "out.jsonl"
    wish = Wish(segment="vip", out=str(out), format="jsonl", platform=platform)
    export(place.runtime, wish, stdout=BytesIO())
    text = out.read_text()
    assert {name for name in NAMES if f'"profile_id":"{name}"' in text} == names


def test_without_a_default_a_file_for_nobody_in_particular_needs_all_consents(
    tmp_path: Path,
) -> None:
    columns = "{meta: ok_meta, tiktok: ok_tiktok, google: ok, snapchat: ok}"
    place = Everywhere(
        tmp_path, SEGMENT.replace("{default: ok, meta: ok_meta, tiktok: ok_tiktok}", columns)
    )
    place.write("vip.csv", _rows(ann={"ok_meta": "no"}, bob={"ok": "no"})[:3], HEADER)
    out = tmp_path / "out.csv"
    export(place.runtime, Wish(segment="vip", out=str(out), format="csv"), stdout=BytesIO())
    with out.open() as file:
        assert [row["profile_id"] for row in csv.DictReader(file)] == ["cara"]


def _configure(project: Project, text: str) -> None:
    (project.folder / "audsync.yaml").write_text(text)
    project.restart()


def test_the_words_that_mean_yes_are_those_of_the_file_from_the_next_run_on(
    project: Project,
) -> None:
    cells = ("Ja", "yes", "OUI ", "no", "")
    project.segment(
        [{"id": word, "email": f"{n}@x.co", "ok": word} for n, word in enumerate(cells)]
    )
    project.create()
    assert project.held() == {email("1@x.co")}
    _configure(project, "defaults: {consent_values: [ja, Oui]}\n" + CONFIG)
    project.sync(allow_shrink=True)
    assert project.held() == {email("0@x.co"), email("2@x.co")}
    own = CONFIG.replace("consent: ok}", "consent: ok}\n    consent_values: ['no']")
    _configure(project, "defaults: {consent_values: [ja, Oui]}\n" + own)
    project.sync(allow_shrink=True)
    assert project.held() == {email("3@x.co")}


def test_another_column_for_the_platform_counts_from_the_next_run_on(project: Project) -> None:
    people = [{"id": name, "email": EMAILS[name], "crm": "no", "ok": "yes"} for name in NAMES]
    people[0] |= {"crm": "yes", "ok": "no"}
    project.segment(people)
    project.create()
    assert len([each for each in project.held() if each[0] == "EMAIL"]) == 7
    _configure(project, CONFIG.replace("consent: ok}", "consent: {default: ok, meta: crm}}"))
    project.sync(allow_shrink=True)
    assert {each for each in project.held() if each[0] == "EMAIL"} == {email(EMAILS["ann"])}


def test_a_broken_consent_column_empties_no_audience(project: Project) -> None:
    people = [{"id": name, "email": EMAILS[name]} for name in NAMES]
    project.segment(people)
    project.create()
    project.segment([{**person, "ok": ""} for person in people])
    done = project.sync()
    assert (done.exit_code, done.job["error"]["code"]) == (7, "GUARD_REFUSED")
    assert "as the consent to it is gone" in done.job["error"]["message"]
    assert len(project.held()) == 8


def test_a_day_of_many_leavers_does_not_hold_up_who_withdraws(project: Project) -> None:
    people = [{"id": name, "email": EMAILS[name]} for name in NAMES]
    project.segment(people)
    project.create()
    project.segment([{**person, "ok": "no"} for person in people[:3]] + people[6:])
    assert project.sync().exit_code == 0
    assert project.held() == {email(EMAILS[name]) for name in NAMES[6:]}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "consent: {meta: a, google: b}",
            "columns.consent: must have a column for tiktok, snapchat",
        ),
        (
            "consent: {default: a, metta: b}",
            "columns.consent.metta: is unknown; did you mean meta?",
        ),
        ("consent: [a, b]", "must be exactly one column"),
        ("consent: {default: [a, b]}", "columns.consent.default: must be exactly one column"),
    ],
)
def test_a_consent_that_cannot_be_meant_is_refused(
    project: Project, written: str, said: str
) -> None:
    text = CONFIG.replace("consent: ok", written)
    (project.folder / "audsync.yaml").write_text(text)
    with pytest.raises(ConfigError, match=said.replace("?", r"\?").replace(".", r"\.")):
        load_config(project.folder / "audsync.yaml", {})


def test_a_blank_is_never_a_yes(project: Project) -> None:
    text = CONFIG.replace("consent: ok}", "consent: ok}\n    consent_values: [' ']")
    (project.folder / "audsync.yaml").write_text(text)
    with pytest.raises(ConfigError, match="an empty cell is never a yes"):
        load_config(project.folder / "audsync.yaml", {})
