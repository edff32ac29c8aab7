"""Secrets show in no repr, no text and no error."""

import pickle
import traceback
from pathlib import Path

import pytest

from audsync.config.load import load_config
from audsync.config.model import MetaCredentials
from audsync.errors import ConfigError
from tests.unit.config.conftest import Load, Refuse

CANARY = "EAABcanary8f3b"
KEY = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
GOOD = f"""
store: {{url: 'postgresql+psycopg://u:{CANARY}@h/d'}}
connections:
  m: {{platform: meta, account: 1, credentials: {{access_token: {CANARY}, app_secret: {CANARY}}}}}
  g: {{platform: google, account: 1, credentials: {{service_account: '{{"k": "{CANARY}"}}'}}}}
  t: {{platform: tiktok, account: 1, credentials: {{access_token: ${{TOKEN}}}}}}
  s:
    platform: snapchat
    account: 1
    credentials: {{client_id: {CANARY}, client_secret: {CANARY}, refresh_token: {CANARY}}}
segments:
  v: {{source: {{type: sql, url: 'x://{CANARY}', table: t}}, columns: {{profile_id: i, email: e}}}}
notify: [{{url: 'https://hooks/{CANARY}'}}]
"""


def test_no_secret_shows_in_the_configuration(load: Load) -> None:
    config = load(GOOD, TOKEN=CANARY, AUDSYNC_ENCRYPTION_KEY=KEY)
    for shown in (repr(config), str(config), f"{config.connections}", str(config.model_dump())):
        assert CANARY not in shown.replace(config.store.url, "")
    assert CANARY not in repr(config)
    assert KEY not in repr(config)
    assert KEY not in repr(config.encryption_key)


def test_whoever_needs_the_secrets_gets_them(load: Load) -> None:
    credentials = load(GOOD, TOKEN=CANARY).connections["m"].credentials
    assert credentials is not None
    assert credentials.reveal() == {"access_token": CANARY, "app_secret": CANARY}


def test_a_service_account_is_json_or_a_path_beside_the_file(load: Load, tmp_path: Path) -> None:
    text = "connections: {g: {platform: google, account: 1, credentials: {service_account: %s}}}"
    for written, read in (("k.json", f"{tmp_path}/k.json"), ("'{\"a\": 1}'", '{"a": 1}')):
        credentials = load(text % written).connections["g"].credentials
        assert credentials is not None
        assert credentials.reveal() == {"service_account": read}


@pytest.mark.parametrize(
    "text",
    [
        f"tenant: {CANARY}",
        f"tenant: &{CANARY} [",
        f"store: *{CANARY}",
        f"store: !{CANARY} x",
        f"store: !{CANARY}!a x",
        f"%{CANARY} x",
        f"store: '{CANARY}",
        f"? {{{CANARY}: 1}}\n: 2",
        f"{CANARY} {CANARY}: 1",
        f"tenant: ${{{CANARY} }}",
        f"tenant: ${{{CANARY}",
        f"store: {{url: '{CANARY}://x'}}",
        f"state: {{memory_limit: {CANARY}}}",
        f"defaults: {{region: {CANARY}, every: {CANARY}, minimum_every: {CANARY}}}",
        f"connections: {{m: {{platform: {CANARY}}}}}",
        f"connections: {{m: {{platform: meta, account: {CANARY}, base_url: {CANARY}}}}}",
        f"connections: {{m: {{platform: meta, account: 1, credentials: {CANARY}}}}}",
        f"connections: {{m: {{platform: meta, account: 1, credentials: [{CANARY}]}}}}",
        f"connections: {{m: {{platform: meta, account: 1, credentials: {{{CANARY}: 1}}}}}}",
        (
            "connections: {m: {platform: meta, account: 1, "
            f"credentials: {{access_token:{CANARY}}}}}}}"
        ),
        (
            "connections: {m: {platform: meta, account: 1, "
            f"credentials: {{access_token: [{CANARY}]}}}}}}"
        ),
        (
            "connections: {m: {platform: meta, account: 1, "
            f"credentials: {{access_token: a, access_tokn: {CANARY}}}}}}}"
        ),
        f"segments: {{v: {{source: {{type: {CANARY}}}}}}}",
        f"segments: {{v: {{source: {{type: file}}, phone_policy: {CANARY}}}}}",
        f"notify: [{{url: [{CANARY}], on: [{CANARY}]}}]",
        f"suppress: [{{path: a, type: file, delimiter: {CANARY}, columns: {CANARY}}}]",
        "tenant: ${TOKEN}",
        "store: {url: ${TOKEN}}",
        "connections: {m: {platform: ${TOKEN}}}",
        "audiences: {a: {segment: ${TOKEN}, connection: ${TOKEN}, name: x, every: ${TOKEN}}}",
        "audiences: {a: {segment: ${TOKEN}, connection: ${TOKEN}, name: x}}",
    ],
)
def test_no_error_repeats_a_value(refuse: Refuse, text: str) -> None:
    error = refuse(text, TOKEN=CANARY)
    shown = "".join(traceback.format_exception(error)) + str(error.details) + repr(error)
    assert CANARY not in shown


def test_a_bad_key_of_the_vault_is_not_repeated(refuse: Refuse) -> None:
    assert CANARY not in str(refuse("", AUDSYNC_ENCRYPTION_KEY=CANARY).as_json())


def test_errors_hang_on_no_other_error(tmp_path: Path) -> None:
    path = tmp_path / "audsync.yaml"
    for text in ("tenant: x", "a: ["):
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_config(path, {})
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_settings_travel_between_processes(load: Load) -> None:
    config = load(GOOD, TOKEN=CANARY)
    again = pickle.loads(pickle.dumps(config))
    assert again == config
    assert again.folder == config.folder


def test_credentials_cannot_be_changed() -> None:
    credentials = MetaCredentials.model_validate({"access_token": CANARY})
    with pytest.raises(ValueError, match="frozen") as caught:
        credentials.access_token = credentials.access_token
    assert CANARY not in str(caught.value)
