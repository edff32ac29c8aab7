"""How single values are written."""

import pytest
from pydantic import TypeAdapter

from audsync.config.model import (
    ColumnsConfig,
    Config,
    Features,
    GoogleConnection,
    MetaConnection,
)
from audsync.config.values import HttpUrl, parse_bytes, parse_hours, parse_sync_hours
from audsync.domain import Kind, Platform


@pytest.mark.parametrize(
    ("written", "hours"), [("1h", 1), ("24h", 24), (" 24 h ", 24), ("168", 168), (6, 6)]
)
def test_hours(written: object, hours: int) -> None:
    assert parse_hours(written) == hours
    assert parse_sync_hours(written) == hours


@pytest.mark.parametrize("written", ["", "h", "0h", "-1h", "1.5h", "1d", "24hh", True, None, [1]])
def test_what_is_no_hours(written: object) -> None:
    with pytest.raises(ValueError, match="whole hours"):
        parse_hours(written)


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [
        ("1GB", 10**9),
        ("512MB", 512 * 10**6),
        ("512 mb", 512 * 10**6),
        ("2GiB", 2 * 2**30),
        ("1.5GB", 1_500_000_000),
        ("1TB", 10**12),
        ("64000000", 64_000_000),
        ("64000000B", 64_000_000),
        (64_000_000, 64_000_000),
    ],
)
def test_sizes(written: object, size_bytes: int) -> None:
    assert parse_bytes(written) == size_bytes


@pytest.mark.parametrize("written", ["", "GB", "-1GB", "1G B", "1PB", "1e9", True, None, 512])
def test_what_is_no_size(written: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_bytes(written)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://graph.facebook.com", "https://graph.facebook.com"),
        ("http://127.0.0.1:8787/meta/", "http://127.0.0.1:8787/meta"),
        ("http://[::1]:8787/a/b", "http://[::1]:8787/a/b"),
        ("http://localhost/prefix", "http://localhost/prefix"),
        ("http://localhost:1/a/b/", "http://localhost:1/a/b"),
        ("http://127.8.9.1", "http://127.8.9.1"),
    ],
)
def test_urls_keep_their_path_and_lose_their_last_slash(written: str, read: str) -> None:
    assert TypeAdapter(HttpUrl).validate_python(written) == read


@pytest.mark.parametrize(
    "written",
    ["", "x", "ftp://x", "https://", "https:///x", "https://x:port", "https://[x", "https://a b",
     "https://x?a=b", "https://x#a"],
)  # fmt: skip
def test_what_is_no_url(written: str) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        TypeAdapter(HttpUrl).validate_python(written)


@pytest.mark.parametrize(
    "host",
    ["proxy.test", "10.0.0.7", "0.0.0.0", "[::]", "localhost.evil.test", "127.0.0.1.evil.test",
     "2130706433", "localhost.", "[::ffff:10.0.0.7]"],
)  # fmt: skip
def test_secrets_go_to_no_other_machine_in_the_clear(host: str) -> None:
    with pytest.raises(ValueError, match="must start with https://"):
        TypeAdapter(HttpUrl).validate_python(f"http://{host}/meta")
    assert TypeAdapter(HttpUrl).validate_python(f"https://{host}/meta")


def test_columns_are_told_by_the_kind_of_value() -> None:
    columns = ColumnsConfig.model_validate(
        {"profile_id": ["id"], "email": "e", "phone": ["p", "q"], "country": "c", "consent": "ok"}
    )
    assert columns.by_kind == {
        Kind.EMAIL: ("e",),
        Kind.PHONE: ("p", "q"),
        Kind.COUNTRY: ("c",),
    }


def test_a_connection_is_of_its_platform() -> None:
    written = {
        "m": {"platform": "meta", "account": 1},
        "g": {"platform": "google", "account": "2"},
    }
    assert Config.model_validate({"connections": written}).connections == {
        "m": MetaConnection(account="1"),
        "g": GoogleConnection(account="2"),
    }


def test_a_feature_switch_holds_for_its_platform_and_the_whole_for_all() -> None:
    assert Features().allows_sync(Platform.META)
    assert not Features(audience_sync_meta=False).allows_sync(Platform.META)
    assert Features(audience_sync_meta=False).allows_sync(Platform.TIKTOK)
    assert not any(Features(audience_sync=False).allows_sync(platform) for platform in Platform)
