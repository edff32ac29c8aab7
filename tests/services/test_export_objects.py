"""An export into an object store: put when whole, and a URL that works for a while."""

import io
import json
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audsync import steps
from audsync.domain import Platform
from audsync.errors import StateError, UsageError
from audsync.services import auditing
from audsync.services.exports.export_wish import Wish
from audsync.services.exports.exporting import export
from tests.object_store import SECRET, Place, s3_place, s3_yaml
from tests.services.conftest import CONFIG, Project

PEOPLE = [{"id": str(n), "email": f"p{n}@x.com"} for n in range(30)]


class Crash(BaseException):
    """The power is cut."""


@pytest.fixture
def place() -> Place:
    return s3_place()


@pytest.fixture
def told(project: Project) -> Iterator[Project]:
    (project.folder / "audsync.yaml").write_text(CONFIG + s3_yaml())
    project.restart()
    project.segment(PEOPLE)
    yield project
    steps.listen(None)


def written(project: Project, place: Place, key: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    wish = Wish(segment="vip", out=str(place.address.at(key)), **{"format": "csv", **more})
    return export(project.runtime, wish, stdout=io.BytesIO()).report


def test_the_url_gives_what_a_file_would_hold_until_it_expires(
    told: Project, place: Place, tmp_path: Path
) -> None:
    local = tmp_path / "out.csv"
    export(told.runtime, Wish(segment="vip", out=str(local), format="csv"), stdout=io.BytesIO())
    report = written(told, place, "out/vip.csv")
    with urllib.request.urlopen(report["download_url"]) as answer:
        content = answer.read()
    assert content == local.read_bytes()
    assert report["file_size_bytes"] == len(content)
    assert report["profile_count"] == 30
    expires_at = told.clock.now() + timedelta(hours=1)
    assert report["expires_at"] == f"{expires_at:%Y-%m-%dT%H:%M:%SZ}"
    assert "X-Amz-Expires=3600" in report["download_url"]
    assert SECRET not in json.dumps(report)
    day = written(told, place, "out/vip.csv", lasts_s=86_400)
    assert "X-Amz-Expires=86400" in day["download_url"]


def test_several_files_are_objects_beside_each_other(told: Project, place: Place) -> None:
    report = written(told, place, "up/vip.csv.gz", platform=Platform.GOOGLE, identifiers=("email",))
    assert place.listed() == ["up/vip.csv.gz"]
    assert report["download_url"].partition("?")[0].endswith("/up/vip.csv.gz")
    report = written(told, place, "two/vip.csv", platform=Platform.GOOGLE)
    assert place.listed("two") == ["two/vip-email-phone.csv", "two/vip-external_id.csv"]
    assert {file["download_url"].partition("?")[0][-12:] for file in report["files"]} == {
        "il-phone.csv",
        "ernal_id.csv",
    }


def test_a_crash_before_the_upload_leaves_what_was_there(told: Project, place: Place) -> None:
    place.put("vip.csv", b"before")

    def cut(step: str) -> None:
        if step == "export: before upload":
            raise Crash

    steps.listen(cut)
    with pytest.raises(Crash):
        written(told, place, "vip.csv", is_hashed=False)
    assert place.content("vip.csv") == b"before"


def test_a_refused_upload_says_where(told: Project) -> None:
    wish = Wish(segment="vip", out="s3://no-such-bucket/vip.csv", format="csv")
    with pytest.raises(StateError, match=r"s3://no-such-bucket/vip\.csv cannot be written: there"):
        export(told.runtime, wish, stdout=io.BytesIO())


@pytest.mark.parametrize(("key", "lasts_s"), [("", None), ("a/", None), ("a.csv", 8 * 86_400)])
def test_what_cannot_be_an_object_is_refused(
    told: Project, place: Place, key: str, lasts_s: int | None
) -> None:
    with pytest.raises(UsageError):
        written(told, place, key, lasts_s=lasts_s)


def test_the_trail_goes_there_too(told: Project, place: Place) -> None:
    told.create()
    out = str(place.address.at("trail.jsonl"))
    report = auditing.export(told.runtime, out, stdout=io.BytesIO())
    assert len(place.content("trail.jsonl").splitlines()) == report["entries"] > 0
