"""`connect`, `connections` and `key` on a command line, and that no secret ever shows."""

import io
import json
import os
import pty
import select
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from audsync.sandbox.faults import FaultKind, Rule
from audsync.vault.keys import Key, parse
from tests.cli.conftest import Outcome, Project

CANARY = "EAABcanary8f3b9d"
NEXT_CANARY = "EAABnextcanary77"
KEY = Key(bytes(range(32)))
NEW_KEY = Key(bytes(32))
PATIENCE_S = 60
MARKED = (CANARY, NEXT_CANARY, KEY.text, NEW_KEY.text, KEY.text[:-1], KEY.material.hex())


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    """Whatever this machine has, no test touches it."""
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]  # the library's own
    yield
    keyring.set_keyring(before)


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project with a key, a marked token that Meta knows, and no connection in its file."""
    monkeypatch.setenv("AUDSYNC_ENCRYPTION_KEY", KEY.text)
    project.save(connections={}, limits={"request_timeout": 1, "max_wait": 0})
    know(project, {"value": CANARY})
    return project


def know(project: Project, *tokens: dict[str, object]) -> None:
    project.sandbox.world.platforms["meta"].configure({"tokens": list(tokens)})


def connect(project: Project, *more: str, name: str = "main", token: str = CANARY) -> Outcome:
    path = project.folder / "secrets.json"
    path.write_text(json.dumps({"access_token": token}))
    done = project.run(
        "connect", "meta", "--name", name, "--account", "act_1001",
        "--base-url", project.sandbox.base_urls["meta"], "--credentials-file", str(path), *more,
    )  # fmt: skip
    path.unlink()
    return done


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_from_a_token_to_an_audience(shop: Project) -> None:
    done = connect(shop)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "Meta lets account act_1001 in" in done.stdout
    assert "Connection `meta-main`" not in done.stdout
    assert shop.run("create", "vip", "--connection", "main", "--id", "a").exit_code == 0
    assert shop.run("sync", "a", "--json").json["status"] == "completed"
    assert shop.run("run-due", "--json").exit_code == 0
    assert shop.run("plan", "a").exit_code == 0
    assert shop.run("check", "vip", "--for", "meta").exit_code == 0
    assert shop.run("doctor").exit_code == 0
    assert [one["audience"] for one in shop.run("status", "--json").json["audiences"]] == ["a"]


def test_a_connection_is_told_as_one_document(shop: Project) -> None:
    told = connect(shop, "--json").json
    assert told.pop("last_tested_at").endswith("Z")
    assert told == {
        "connection": "main",
        "platform": "meta",
        "account": "act_1001",
        "base_url": shop.sandbox.base_urls["meta"],
        "stands_in": "store",
        "credentials_in": "store",
        "status": "ok",
        "error": None,
        "expires_at": None,
        "key_id": KEY.id,
    }
    listed = shop.run("connections", "list", "--json").json
    assert [one["connection"] for one in listed["connections"]] == ["main"]
    assert shop.run("connections", "--json").json == listed
    assert shop.run("connections", "test", "main", "--json").json["connections"][0]["error"] is None


def test_secrets_do_not_go_to_another_machine_in_the_clear(shop: Project) -> None:
    path = shop.folder / "secret.json"
    path.write_text('{"access_token": "EAABnever"}', "utf-8")
    words = ("connect", "meta", "--name", "m", "--account", "1001", "--credentials-file", str(path))
    refused = shop.run(*words, "--base-url", "http://proxy.test/meta")
    assert refused.exit_code == 2
    assert "must start with https://" in refused.stderr


def test_a_refusal_has_the_platforms_own_words_and_saves_nothing(shop: Project) -> None:
    done = connect(shop, "--json", token="wrong")
    assert done.exit_code == 5
    error = done.json["error"]
    assert (error["code"], error["action_required"]) == (
        "INVALID_CREDENTIALS",
        "reconnect_platform",
    )
    assert error["details"]["platform"] == "meta"
    assert error["details"]["error_code"] == 190
    assert error["details"]["error_message"]
    assert shop.run("connections", "--json").json == {"connections": []}
    assert "No connections yet" in shop.run("connections").stdout


def test_secrets_come_from_stdin_or_the_environment(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("connect", "meta", "--account", "1001", "--base-url", shop.sandbox.base_urls["meta"])
    typed(monkeypatch, json.dumps({"access_token": CANARY}))
    assert shop.run(*words, "--name", "a", "--credentials-stdin").exit_code == 0
    typed(monkeypatch, "")
    done = shop.run(*words, "--name", "b")
    assert done.exit_code == 2
    assert "AUDSYNC_META_ACCESS_TOKEN" in done.stderr
    monkeypatch.setenv("AUDSYNC_META_ACCESS_TOKEN", CANARY)
    assert shop.run(*words, "--name", "b").exit_code == 0
    monkeypatch.delenv("AUDSYNC_META_ACCESS_TOKEN")
    (shop.folder / ".env").write_text(f"AUDSYNC_META_ACCESS_TOKEN={CANARY}\n")
    assert shop.run(*words, "--name", "c").exit_code == 0


@pytest.mark.parametrize(
    "content",
    ["", "[]", CANARY, f'"{CANARY}"', f'{{"access_token": ["{CANARY}"]}}', f'{{"x": "{CANARY}"}}',
     f'{{"{CANARY}": "x"}}', f'{{"access_token": true, "x": "{CANARY}"}}', "[" * 9999,
     f'{{"access_token": "{CANARY * 9000}"}}', "{}", '{"access_token": " "}'],
)  # fmt: skip
def test_what_is_no_credentials_is_refused_and_not_repeated(
    shop: Project, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    typed(monkeypatch, content)
    words = ("connect", "meta", "--name", "a", "--account", "1", "--credentials-stdin")
    done = shop.run(*words, "--json", "--verbose")
    assert (done.exit_code, done.json["error"]["code"]) == (2, "USAGE_ERROR")
    assert CANARY not in done.stdout + done.stderr


def test_wrong_words_are_usage_errors(shop: Project, tmp_path: Path) -> None:
    words = ("connect", "meta", "--name", "a", "--account", "1")
    both = shop.run(*words, "--credentials-stdin", "--credentials-file", "x")
    assert (both.exit_code, "not both" in both.stderr) == (2, True)
    absent = shop.run(*words, "--credentials-file", str(tmp_path / "absent"))
    assert (absent.exit_code, "cannot be read: No such file" in absent.stderr) == (2, True)
    assert "KEY=VALUE" in shop.run(*words, "--option", "x").stderr
    beside = shop.run(*words, "--option", "a=1", "--option", "a.b=2")
    assert (beside.exit_code, "cannot stand beside" in beside.stderr) == (2, True)
    assert shop.run("connect", "myspace", "--name", "a").exit_code == 2
    assert (
        "did you mean `main`" in (connect(shop), shop.run("connections", "test", "mian"))[1].stderr
    )


def test_one_that_fails_does_not_hide_the_others(shop: Project) -> None:
    connect(shop, name="a")
    connect(shop, name="b")
    assert shop.run("connections", "test").exit_code == 0
    know(shop, {"value": CANARY, "expires_at": 1})
    done = shop.run("connections", "test", "--json")
    assert done.exit_code == 5
    assert [one["status"] for one in done.json["connections"]] == ["error", "error"]
    assert "CREDENTIALS_EXPIRED" in shop.run("connections").stderr


def test_rotate_takes_new_secrets(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(shop)
    know(shop, {"value": CANARY}, {"value": NEXT_CANARY})
    typed(monkeypatch, json.dumps({"access_token": NEXT_CANARY}))
    assert shop.run("connections", "rotate", "main", "--credentials-stdin").exit_code == 0
    know(shop, {"value": NEXT_CANARY})
    assert shop.run("connections", "test", "main").exit_code == 0


def test_remove_asks_and_refuses_while_audiences_need_it(shop: Project) -> None:
    connect(shop)
    asked = shop.run("connections", "remove", "main")
    assert (asked.exit_code, "--yes" in asked.stderr) == (2, True)
    shop.run("create", "vip", "--connection", "main", "--id", "a")
    refused = shop.run("connections", "remove", "main", "--json")
    assert refused.json["error"]["details"]["audiences"] == ["a"]
    done = shop.run("connections", "remove", "main", "--force", "--json")
    assert (done.exit_code, done.json["removed"]) == (0, True)
    assert shop.run("connections", "remove", "main", "--yes").exit_code == 2
    assert shop.run("sync", "a", "--json").json["error"]["code"] == "CONNECTION_NOT_FOUND"


def test_resume_brings_back_what_dead_credentials_stopped(shop: Project) -> None:
    connect(shop)
    shop.run("create", "vip", "--connection", "main", "--id", "a")
    assert "works" in shop.run("resume", "--connection", "main").stderr
    know(shop, {"value": CANARY, "dead_subcode": 460})
    assert shop.run("sync", "a").exit_code == 5
    assert shop.run("resume", "--connection", "main", "--json").exit_code == 5
    know(shop, {"value": CANARY})
    resumed = shop.run("resume", "--connection", "main", "--json").json["audiences"]
    assert [(one["audience"], one["auto_sync"]) for one in resumed] == [("a", True)]
    for words in (["a", "--connection", "main"], []):
        assert shop.run("resume", *words).exit_code == 2
    assert shop.run("resume", "a").exit_code == 0


class TestKey:
    def test_a_key_is_printed_or_put_into_a_file(self, shop: Project) -> None:
        printed = shop.run("key", "generate").stdout.strip()
        assert len(parse(printed).material) == 32
        told = shop.run("key", "generate", "--json").json
        assert parse(told["key"]).id == told["key_id"]
        path = shop.folder / "key"
        made = shop.run("key", "generate", "--out", str(path))
        assert (made.exit_code, "AUDSYNC_ENCRYPTION_KEY_FILE" in made.stdout) == (0, True)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text().strip() not in made.stdout
        again = shop.run("key", "generate", "--out", str(path), "--json")
        assert (again.exit_code, again.json["error"]["code"]) == (2, "CONFIG_ERROR")
        assert shop.run("key", "generate", "--keyring").exit_code == 2

    def test_a_key_needs_no_configuration(
        self, shop: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (shop.folder / "audsync.yaml").unlink()
        monkeypatch.setenv("AUDSYNC_ENCRYPTION_KEY", "broken")
        assert shop.run("key", "generate").exit_code == 0

    def test_a_key_takes_the_place_of_another(
        self, shop: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect(shop)
        monkeypatch.setenv("AUDSYNC_NEW_ENCRYPTION_KEY", NEW_KEY.text)
        done = shop.run("key", "rotate")
        assert (done.exit_code, NEW_KEY.id in done.stdout) == (0, True)
        assert shop.run("connections", "test").exit_code == 0
        monkeypatch.delenv("AUDSYNC_NEW_ENCRYPTION_KEY")
        lost = shop.run("connections", "test", "--json")
        assert (lost.exit_code, lost.json["connections"][0]["error"]["code"]) == (2, "CONFIG_ERROR")
        monkeypatch.setenv("AUDSYNC_ENCRYPTION_KEY", NEW_KEY.text)
        assert shop.run("connections", "test").exit_code == 0
        assert shop.run("key", "rotate", "--json").json["error"]["code"] == "USAGE_ERROR"


def test_no_secret_shows_anywhere(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marked secrets and keys go through every command of theirs and what can go wrong with it."""
    said = [connect(shop, "--verbose"), connect(shop, "--json", name="other")]
    said.append(shop.run("create", "vip", "--connection", "main", "--id", "a", "--verbose"))
    (shop.folder / "new.key").write_text(NEW_KEY.text)
    (shop.folder / "new.key").chmod(0o600)
    commands: list[tuple[str, ...]] = [
        ("connections", "test"), ("connections",), ("sync", "a"), ("doctor",), ("status", "a"),
        ("connections", "rotate", "main"), ("resume", "--connection", "main"), ("jobs",),
        ("connections", "remove", "main"), ("connections", "remove", "absent", "--yes"),
    ]  # fmt: skip

    def everything() -> None:
        monkeypatch.setenv("AUDSYNC_META_ACCESS_TOKEN", NEXT_CANARY)
        said.extend(
            shop.run(*command, more) for command in commands for more in ("--verbose", "--json")
        )

    for kind in FaultKind:
        shop.sandbox.world.faults.arm([Rule(kind=kind, times=1, seconds=0.01, after_s=0.01)])
        said.append(shop.run("connections", "test", "main", "--verbose"))
        said.append(connect(shop, "--json", name="faulty"))
        shop.sandbox.world.faults.disarm()
    tokens: list[dict[str, object]] = [{"value": "another"}, {"value": CANARY, "expires_at": 1}]
    tokens.append({"value": CANARY})
    for token in tokens:
        know(shop, token)
        everything()
    for key in ("", NEW_KEY.text, CANARY):
        monkeypatch.setenv("AUDSYNC_ENCRYPTION_KEY", key)
        everything()
    monkeypatch.setenv("AUDSYNC_ENCRYPTION_KEY", KEY.text)
    said.append(shop.run("key", "rotate", "--new-key-file", str(shop.folder / "new.key")))
    everything()
    shown = "".join(done.stdout + done.stderr for done in said)
    assert {done.exit_code for done in said} >= {0, 2, 5, 6}
    assert [secret for secret in MARKED if secret in shown] == []
    (shop.folder / "new.key").unlink()
    kept = b"".join(path.read_bytes() for path in shop.folder.rglob("*") if path.is_file())
    assert [secret for secret in MARKED if secret.encode() in kept] == []
    assert KEY.material not in kept


def test_a_person_is_asked_without_an_echo(shop: Project) -> None:
    """On a real terminal: what is typed comes back from nowhere."""
    words = ["connect", "meta", "--name", "main", "--account", "1001", "--base-url",
             shop.sandbox.base_urls["meta"]]  # fmt: skip
    shown, exit_code = on_a_terminal(shop, words, [f"{CANARY}\n", "\n", "\n"])
    assert exit_code == 0, shown
    assert "access_token" in shown
    assert CANARY not in shown
    assert shop.run("connections", "test").exit_code == 0


def on_a_terminal(project: Project, words: list[str], answers: list[str]) -> tuple[str, int]:
    """Run a command on a terminal of its own, answering its prompts one after the other."""
    arguments = [sys.executable, "-m", "audsync", "--config", str(project.folder / "audsync.yaml")]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*arguments, *words], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], PATIENCE_S)[0]:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        # The blank comes last, when what was typed before is thrown away and the echo is off.
        if shown.endswith(b": ") and answers:
            os.write(ours, answers.pop(0).encode())
    os.close(ours)  # which ends a program that waits for more
    return shown.decode(), process.wait(PATIENCE_S)


def test_the_ways_into_google_are_offered(shop: Project) -> None:
    access: Any = shop.sandbox.world.platforms["google"].guide
    base = shop.sandbox.base_urls["google"]
    options = ["--option", "terms_accepted=true"]
    for key in ("ad_user_data", "ad_personalization"):
        options += ["--option", f"consent.{key}=granted"]
    words = ["connect", "google", "--name", "g", "--account", access.account, "--base-url", base,
             "--token-url", base + access.login_path, *options]  # fmt: skip
    keys = ("client_id", "client_secret", "refresh_token")
    answers = ["2\n", *(access.credentials[key] + "\n" for key in keys)]
    shown, exit_code = on_a_terminal(shop, words, answers)
    assert exit_code == 0, shown
    assert "1  service_account" in shown
    assert access.credentials["refresh_token"] not in shown
