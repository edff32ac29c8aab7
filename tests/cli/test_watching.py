"""`health` and `metrics` over a real store."""

import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from audsync import __version__
from tests.cli.conftest import Project


def test_health_is_good_until_credentials_are_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project.run("create", "vip", "--connection", "meta-main").exit_code == 0
    healthy = project.run("health", "--json")
    assert (healthy.exit_code, healthy.json["status"]) == (0, "healthy")
    monkeypatch.setenv("META_ACCESS_TOKEN", "another")
    assert project.run("sync", "vip-meta-main").exit_code == 5
    degraded = project.run("health", "--json")
    assert (degraded.exit_code, degraded.json["status"]) == (1, "degraded")
    bad = {one["check"] for one in degraded.json["checks"] if not one["ok"]}
    assert bad == {"meta", "connection meta-main", "token_refresh"}
    assert "BAD  connection meta-main" in project.run("health").stdout


def test_metrics_are_openmetrics_and_written_in_one_step(project: Project, tmp_path: Path) -> None:
    assert project.run("create", "vip", "--connection", "meta-main").exit_code == 0
    page = project.run("metrics").stdout
    families = text_string_to_metric_families(page)  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert {"audsync_jobs", "audsync_check_ok", "audsync_slowest_job_seconds"} <= names
    assert 'audsync_jobs{status="completed"} 1.0' in page
    assert 'audsync_profiles_total{outcome="added",platform="meta"} 3.0' in page
    assert 'audsync_batches_total{outcome="confirmed",platform="meta"} 1.0' in page
    assert "# UNIT audsync_request_seconds seconds" in page
    count = re.search(r'audsync_request_seconds_count\{platform="meta"\} (\d+)', page)
    assert count is not None
    assert int(count[1]) >= 2, "one to make it, one to fill it"
    assert f'audsync_request_seconds_bucket{{le="+Inf",platform="meta"}} {count[1]}' in page
    assert 'audsync_audience_last_success_age_seconds{audience="vip-meta-main"' in page
    assert "audsync_budget_ahead_seconds{" in page
    found = {one["name"]: one for one in project.run("metrics", "--json").json["metrics"]}
    (sample,) = found["audsync_check_ok"]["samples"][:1]
    assert (set(sample["labels"]), sample["value"]) == ({"check"}, 1)
    target = tmp_path / "audsync.prom"
    assert project.run("metrics", "--textfile", str(target)).exit_code == 0
    assert target.read_text().endswith("# EOF\n")
    assert [path.name for path in tmp_path.glob(".audsync.prom*")] == []
    assert project.run("metrics", "--textfile", str(tmp_path / "no" / "x")).exit_code == 2


def test_the_version_is_told_to_people_and_programs(project: Project) -> None:
    assert project.run("--version").stdout == f"audsync {__version__}\n"
    assert project.run("--json", "--version").json == {"version": __version__}
