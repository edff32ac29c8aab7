"""Where the file is found, and what the environment changes."""

import os
from pathlib import Path

import pytest

from audsync.config.load import load_config
from audsync.config.model import FileSource
from audsync.errors import ConfigError
from tests.unit.config.conftest import Load, Refuse

KEY = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
FILES = "segments: {v: {source: {type: file, path: %s}, columns: {profile_id: i, email: e}}}"
"""A segment whose source is at a path."""


def test_an_empty_file_has_the_defaults(load: Load, tmp_path: Path) -> None:
    config = load("# nothing yet\n")
    assert config.tenant == 1
    assert config.store.url == f"sqlite:///{tmp_path}/audsync.db"
    assert config.state.url == f"{tmp_path}/audsync-state"
    assert config.state.memory_limit == 10**9
    assert (config.defaults.region, config.defaults.every) == ("US", 24)
    assert config.defaults.minimum_every == 1
    assert config.limits.max_concurrent_syncs == 5
    assert (config.limits.request_timeout, config.limits.max_wait) == (60, 60)
    assert config.limits.max_batch_size is None
    assert config.features.audience_export
    assert config.folder == tmp_path


def test_a_key_with_nothing_behind_it_counts_as_not_written(load: Load) -> None:
    config = load("tenant:\nstore:\nconnections: ~\nsegments:\ndefaults: {every: null}\n")
    assert config.tenant == 1
    assert config.connections == {}
    assert config.defaults.every == 24


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("data/x-*.csv", "{folder}/data/x-*.csv"),
        ("./data/", "{folder}/data"),
        ("/abs/x.csv", "/abs/x.csv"),
        ("s3://bucket/x/*.parquet", "s3://bucket/x/*.parquet"),
        ("~/x.csv", f"{Path.home()}/x.csv"),
    ],
)
def test_relative_paths_are_seen_from_the_folder_of_the_file(
    load: Load, tmp_path: Path, written: str, read: str
) -> None:
    source = load(FILES % written).segments["v"].source
    assert isinstance(source, FileSource)
    assert source.path == read.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///a.db", "sqlite:///{folder}/a.db"),
        ("sqlite:///./d/a.db?timeout=9", "sqlite:///{folder}/d/a.db?timeout=9"),
        ("sqlite:////abs/a.db", "sqlite:////abs/a.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
    ],
)
def test_the_store_is_a_file_beside_the_configuration_or_postgres(
    load: Load, tmp_path: Path, written: str, read: str
) -> None:
    assert load(f"store: {{url: '{written}'}}").store.url == read.format(folder=tmp_path)


def test_scalars_are_text_until_a_setting_says_otherwise(load: Load) -> None:
    config = load(
        "defaults: {region: no}\n"
        "connections: {g: {platform: google, account: 0123, options: {login_account: 1_0}}}\n"
        "audiences: {a: {segment: v, connection: g, name: 2024-01-01, auto_sync: no}}\n"
        "notify: [{url: https://x, on: [failed]}]\n"
        "segments: {v: {source: {type: file, path: 1.50}, columns: {profile_id: y, email: on}}}\n"
    )
    assert config.defaults.region == "NO"
    assert config.connections["g"].account == "0123"
    assert config.audiences["a"].name == "2024-01-01"
    assert config.audiences["a"].auto_sync is False
    assert config.notify[0].on == ("failed",)
    assert config.segments["v"].mapped.email == ("on",)


def test_merge_keys_bring_in_columns_and_lose_to_what_is_written(load: Load) -> None:
    config = load(
        "segments:\n"
        "  a: &a {source: {type: file, path: a}, columns: &c {profile_id: i, email: e}}\n"
        "  b: {<<: *a, region: gb, columns: {<<: [*c, {email: z, phone: p}], profile_id: j}}\n"
    )
    columns = config.segments["b"].mapped
    assert (columns.profile_id, columns.email, columns.phone) == ("j", ("e",), ("p",))
    assert config.segments["b"].region == "GB"


def test_the_environment_overrules_the_file(load: Load, tmp_path: Path) -> None:
    config = load(
        "tenant: 1\nlimits: {max_concurrent_syncs: 2}\ndefaults: {every: 1h}\n",
        AUDSYNC_TENANT="7",
        AUDSYNC_STORE_URL="sqlite:///other.db",
        AUDSYNC_STATE_URL="s3://bucket/state",
        AUDIENCE_SYNC_MAX_BATCH_SIZE="500",
        AUDIENCE_SYNC_MAX_CONCURRENT_SYNCS="9",
        AUDIENCE_SYNC_MIN_INTERVAL_HOURS="6",
        AUDIENCE_SYNC_DEFAULT_INTERVAL_HOURS="168",
        AUDSYNC_ENCRYPTION_KEY=KEY,
        AUDSYNC_ENCRYPTION_KEY_FILE="key.txt",
    )
    assert config.tenant == 7
    assert config.store.url == f"sqlite:///{tmp_path}/other.db"
    assert config.state.url == "s3://bucket/state"
    assert (config.limits.max_batch_size, config.limits.max_concurrent_syncs) == (500, 9)
    assert (config.defaults.minimum_every, config.defaults.every) == (6, 168)
    assert config.encryption_key is not None
    assert config.encryption_key.get_secret_value() == KEY
    assert config.encryption_key_file == tmp_path / "key.txt"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AUDSYNC_TENANT", "zero", "AUDSYNC_TENANT: tenant: must be a whole number"),
        ("AUDSYNC_STORE_URL", "mongo:x", "AUDSYNC_STORE_URL: store.url: must start with sqlite"),
        (
            "AUDIENCE_SYNC_MAX_BATCH_SIZE",
            "0",
            "AUDIENCE_SYNC_MAX_BATCH_SIZE: limits.max_batch_size: must be at least 1",
        ),
        (
            "AUDIENCE_SYNC_MIN_INTERVAL_HOURS",
            "x",
            "AUDIENCE_SYNC_MIN_INTERVAL_HOURS: defaults.minimum_every: must be whole hours",
        ),
        (
            "AUDIENCE_SYNC_MIN_INTERVAL_HOURS",
            "168",
            "AUDIENCE_SYNC_MIN_INTERVAL_HOURS: defaults.minimum_every: must not be above",
        ),
        (
            "AUDIENCE_SYNC_DEFAULT_INTERVAL_HOURS",
            "2",
            "AUDIENCE_SYNC_DEFAULT_INTERVAL_HOURS: defaults.every: must be one of 1h",
        ),
        ("AUDSYNC_ENCRYPTION_KEY", KEY[4:], "AUDSYNC_ENCRYPTION_KEY must be 32 bytes"),
        ("AUDSYNC_ENCRYPTION_KEY", "käse" * 11, "AUDSYNC_ENCRYPTION_KEY must be 32 bytes"),
    ],
)
def test_a_bad_variable_is_named(refuse: Refuse, variable: str, value: str, message: str) -> None:
    assert refuse("", **{variable: value}).message.startswith(message)


def test_an_empty_variable_overrules_nothing(load: Load) -> None:
    assert load("tenant: 3", AUDSYNC_TENANT="").tenant == 3


def test_variables_come_from_the_environment_then_from_dotenv(load: Load) -> None:
    text = "defaults: {region: ${REGION}}\nlimits: {max_wait: ${WAIT:-5}, max_batch_size: ${N}}"
    config = load(text, dotenv="REGION=FR\nN=10\nAUDSYNC_TENANT=4\n", REGION="DE")
    assert config.defaults.region == "DE"
    assert (config.limits.max_wait, config.limits.max_batch_size) == (5, 10)
    assert config.tenant == 4


def test_a_broken_dotenv_names_its_line_and_shows_nothing(refuse: Refuse) -> None:
    said = refuse("", dotenv="A=1\nmy secret words\n").message
    assert said == ".env:2: must be KEY=VALUE, with any quotes closed"


def test_no_file_sends_to_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    with pytest.raises(ConfigError, match="audsync init"):
        load_config(None, {})
    with pytest.raises(ConfigError, match=r"no file absent\.yaml.*audsync init"):
        load_config(Path("absent.yaml"), {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path, {})


def test_the_file_is_looked_for_here_then_in_the_user_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    user = tmp_path / "user" / "audsync"
    user.mkdir(parents=True)
    (user / "audsync.yaml").write_text("tenant: 2")
    assert load_config(None, {}).tenant == 2
    assert load_config(None, {}).folder == user
    (tmp_path / "audsync.yaml").write_text("tenant: 3")
    assert load_config(None, {}).tenant == 3
    assert load_config(None, {}).folder == tmp_path
    (tmp_path / "named.yaml").write_text("tenant: 4")
    assert load_config(None, {"AUDSYNC_CONFIG": "named.yaml"}).tenant == 4
    assert load_config(user / "audsync.yaml", {"AUDSYNC_CONFIG": "named.yaml"}).tenant == 2


def test_a_byte_order_mark_is_no_matter_and_latin_1_is_told(tmp_path: Path) -> None:
    path = tmp_path / "audsync.yaml"
    path.write_bytes(b"\xef\xbb\xbftenant: 5\r\n")
    assert load_config(path, {}).tenant == 5
    path.write_bytes("tenant: 5 # für uns".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(path, {})


def test_text_from_the_environment_that_is_not_unicode_is_an_error(refuse: Refuse) -> None:
    value = os.fsdecode(b"\xff")
    assert (
        refuse("state: {url: ${X}}", X=value).message == "audsync.yaml:1: state.url: must be text"
    )
