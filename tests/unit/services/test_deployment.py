"""What `deploy` prints is what each scheduler reads: whole, and with any path."""

import ast
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from audsync.services.schedule.deployment import Place, Target, texts
from tests.cron.tab import Line, parse

PLAIN = Place(
    program=("/srv/audsync/.venv/bin/audsync",),
    config=Path("/srv/audsync/audsync.yaml"),
    user="nobody",
    version="1.2.3",
    has_file_store=True,
)
ODD = Place(
    program=("/opt/my tools/python", "-m", "audsync"),
    config=Path("/srv/100% sure/it's $HOME/audsync.yaml"),
    user="nobody",
    version="1.2.3",
    has_file_store=False,
)
PLACES = pytest.mark.parametrize("place", [PLAIN, ODD], ids=["plain", "odd"])


def text(target: Target, place: Place) -> str:
    return texts(target, place)[0].text


@PLACES
def test_the_crontab_calls_it_every_quarter_of_an_hour(place: Place) -> None:
    tab = parse(text(Target.CRON, place))
    assert tab.variables == {"MAILTO": "ops@example.com"}
    (line,) = tab.lines
    assert line.minutes == {0, 15, 30, 45}
    assert line.hours == set(range(24))
    assert shlex.split(line.command) == list(place.command)


@PLACES
def test_cron_itself_takes_the_crontab(place: Place, tmp_path: Path) -> None:
    if shutil.which("crontab") is None:
        pytest.skip("no crontab on this machine")
    tab = tmp_path / "tab"
    tab.write_text(text(Target.CRON, place), encoding="utf-8")
    done = subprocess.run(["crontab", "-n", tab], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_crontab_that_is_shipped_is_one() -> None:
    shipped = (Path(__file__).parents[3] / "crontab.example").read_text("utf-8")
    tab = parse(shipped)
    assert {"MAILTO", "AUDSYNC_CONFIG"} <= tab.variables.keys()
    assert any("run-due --quiet" in line.command for line in tab.lines)


@pytest.mark.parametrize("wrong", ["60 * * * * x", "* * * x", "*/0 * * * * x", "* * * * 9 x"])
def test_what_is_no_crontab_is_seen(wrong: str) -> None:
    with pytest.raises(ValueError, match="crontab"):
        parse(wrong)


def test_a_percent_sign_ends_a_command_unless_it_is_escaped() -> None:
    assert Line.of(r"* * * * * a \% b % c").command == "a % b"


@PLACES
def test_systemd_takes_the_units(place: Place, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    units = []
    # Whether the program is there is the machine's business, not the text's.
    real = ("/bin/true", *place.program[1:])
    there = Place(
        program=real,
        config=place.config,
        user="root",
        version=place.version,
        has_file_store=place.has_file_store,
    )
    for written in texts(Target.SYSTEMD, there):
        unit = tmp_path / Path(written.path).name
        unit.write_text(written.text, encoding="utf-8")
        units.append(str(unit))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if "audsync" in line]
    assert (done.returncode, told) == (0, []), done.stderr


def test_systemd_gets_each_word_as_it_is() -> None:
    service = text(Target.SYSTEMD, ODD)
    assert 'ExecStart="/opt/my tools/python" -m audsync --config ' in service
    assert '"/srv/100%% sure/it\'s $$HOME/audsync.yaml" run-due' in service
    assert "WorkingDirectory=/srv/100%% sure/it's $HOME" in service
    assert "OnCalendar=*:0/15" in texts(Target.SYSTEMD, ODD)[1].text


@PLACES
def test_kubernetes_gets_one_job_that_never_runs_beside_itself(place: Place) -> None:
    job: dict[str, Any] = yaml.safe_load(text(Target.KUBERNETES, place))
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    spec = job["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("*/15 * * * *", "Forbid")
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"][2:] == ["run-due", "--quiet", "--time-budget", "50m"]
    names = {one["name"] for one in container["env"]}
    assert names == {"AUDSYNC_STATE_URL"} | ({"AUDSYNC_STORE_URL"} if place is PLAIN else set())
    assert {one["name"] for one in container["volumeMounts"]} == {
        one["name"] for one in pod["volumes"]
    }
    assert pod["restartPolicy"] == "Never"
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0


@PLACES
def test_the_dag_is_python_and_runs_the_command(place: Place) -> None:
    tree = ast.parse(text(Target.AIRFLOW, place))
    (call,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BashOperator"
    )
    given = {one.arg: one.value for one in call.keywords}
    assert shlex.split(ast.literal_eval(given["bash_command"])) == list(place.command)
    assert ast.literal_eval(given["skip_on_exit_code"]) == 4


@PLACES
def test_nothing_is_left_to_fill_in(place: Place) -> None:
    for target in Target:
        for written in texts(target, place):
            assert written.text.endswith("\n")
            assert "${" not in written.text
            assert written.path
