"""`${file:…}` and `${cmd:…}`: secrets that another program keeps."""

import sys
import traceback
from pathlib import Path

import pytest

from audsync.config import references
from audsync.errors import ConfigError
from tests.unit.config.conftest import Load, Refuse

CANARY = "EAABcanary8f3b"
TOKEN = "connections: {m: {platform: meta, account: 1, credentials: {access_token: %s}}}\n"
ALLOWED = "secrets: {allow_commands: true}\n"


def token(load: Load, written: str, *, before: str = "", **environ: str) -> str:
    credentials = load(before + TOKEN % written, **environ).connections["m"].credentials
    assert credentials is not None
    return credentials.reveal()["access_token"]


def python(code: str) -> str:
    return f"${{cmd:'{sys.executable}' -c '{code}'}}"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_is_read_without_its_line_end(load: Load, tmp_path: Path, ending: str) -> None:
    (tmp_path / "token").write_bytes((CANARY + ending).encode())
    assert token(load, "${file:token}") == CANARY
    assert token(load, f"'x${{file:{tmp_path}/token}}'") == f"x{CANARY}"


def test_what_a_file_holds_is_only_text(load: Load, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a: [b] # c ${A} 'd")
    assert token(load, "${file:token}") == "a: [b] # c ${A} 'd"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "needs the file {folder}/token, which is not there"),
        (b"", "needs the file {folder}/token, which is empty"),
        (b"\xff\xfe" + CANARY.encode(), "needs a file that is no path, or no UTF-8 text"),
        (CANARY.encode() * 9999, "needs the file {folder}/token, which is too large for a secret"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_by_place(
    refuse: Refuse, tmp_path: Path, content: bytes | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    error = refuse(TOKEN % "${file:token}")
    place = "audsync.yaml:1: connections.m.credentials.access_token: "
    assert error.message == place + told.format(folder=tmp_path).replace(f"{tmp_path}/", "")
    assert CANARY not in "".join(traceback.format_exception(error))


def test_a_file_that_may_not_be_read_is_told(
    refuse: Refuse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "token").write_text(CANARY)
    monkeypatch.setattr(Path, "is_file", refused)
    monkeypatch.setattr("audsync.config.load._dotenv", lambda _path: {})
    assert "needs the file token: Permission denied" in refuse(TOKEN % "${file:token}").message


def test_commands_run_only_where_a_person_allowed_them(refuse: Refuse, load: Load) -> None:
    said = refuse(TOKEN % "${cmd:echo x}").message
    assert "commands are not allowed" in said
    assert "secrets: {allow_commands: true}" in said
    assert (
        "commands are not allowed"
        in refuse("secrets: {allow_commands: false}\n" + TOKEN % "${cmd:echo x}").message
    )
    assert token(load, "${cmd:echo x}", before=ALLOWED) == "x"
    assert token(load, "${cmd:echo x}", AUDSYNC_ALLOW_COMMANDS="1") == "x"
    # A variable must not be what lets commands in: the file says it in plain text.
    assert (
        "not allowed"
        in refuse("secrets: {allow_commands: '${A}'}\n" + TOKEN % "${cmd:echo x}", A="true").message
    )


def test_no_shell_reads_a_command(load: Load) -> None:
    assert token(load, "${cmd:echo a; echo $HOME}", before=ALLOWED) == "a; echo $HOME"


def test_a_command_runs_once_however_often_it_stands_there(load: Load, tmp_path: Path) -> None:
    written = python('open("runs", "a").write("x"); print(1)')
    credentials = f"{{access_token: {written}, app_id: {written}, app_secret: {written}}}"
    load(
        ALLOWED + "connections: {m: {platform: meta, account: 1, credentials: " + credentials + "}}"
    )
    assert (tmp_path / "runs").read_text() == "x"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (python(f'print("{CANARY}"); raise SystemExit(3)'), "failed with exit code 3"),
        ("${cmd:/no/such/program " + CANARY + "}", "cannot be run: No such file or directory"),
        ('${cmd:echo "' + CANARY + "}", "cannot be read"),
        ("${cmd:}", "cannot be read"),
        ("${cmd:true}", "needs a command that prints something"),
        (python(f'import sys; sys.stdout.buffer.write(b"\\xff{CANARY}")'), "prints no text"),
    ],
)
def test_a_command_that_fails_shows_nothing_of_itself(
    refuse: Refuse, written: str, told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    error = refuse(
        ALLOWED + "connections:\n  m:\n    platform: meta\n    account: 1\n"
        f"    credentials:\n      access_token: {written}\n"
    )
    assert error.message.startswith("audsync.yaml:7: connections.m.credentials.access_token: ")
    assert told in error.message
    out, err = capfd.readouterr()
    shown = "".join(traceback.format_exception(error)) + repr(error.as_json()) + out + err
    assert CANARY not in shown


def test_what_a_command_says_on_stderr_is_not_shown(
    load: Load, capfd: pytest.CaptureFixture[str]
) -> None:
    written = python(f'import sys; sys.stderr.write("{CANARY}"); print("x")')
    assert token(load, written, before=ALLOWED) == "x"
    assert capfd.readouterr() == ("", "")


def test_a_command_that_hangs_is_given_up(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "COMMAND_TIMEOUT_S", 0.1)
    error = refuse(ALLOWED + TOKEN % "${cmd:sleep 20}")
    assert isinstance(error, ConfigError)
    assert "took over 0.1 s" in error.message
