"""Connections that come from elsewhere are held to the same rules as those of the file."""

from pathlib import Path

import pytest

from audsync.config.entries import parse_connection
from audsync.config.model import GoogleConnection
from audsync.errors import ConfigError

FOLDER = Path("/etc/audsync")


def test_a_connection_is_read_from_json() -> None:
    connection = parse_connection(
        "g",
        {
            "platform": "google",
            "account": 123,
            "base_url": None,
            "credentials": {"service_account": "key.json"},
            "options": {"terms_accepted": True, "membership_days": 30},
        },
        folder=FOLDER,
    )
    assert isinstance(connection, GoogleConnection)
    assert (connection.account, connection.options.membership_days) == ("123", 30)
    assert connection.options.terms_accepted
    assert connection.credentials is not None
    assert connection.credentials.reveal() == {"service_account": "/etc/audsync/key.json"}


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("m", {}, "connections.m.platform: is missing; one of meta, google, tiktok, snapchat"),
        ("m", {"platform": "meta"}, "connections.m.account: is missing"),
        ("a b", {"platform": "meta", "account": 1}, "connections.?: must begin with a letter"),
        (
            "m",
            {"platform": "meta", "account": 1, "credentials": {"acces_token": "CANARY"}},
            "connections.m.credentials.acces_token: is unknown; did you mean access_token?",
        ),
        (
            "m",
            {"platform": "meta", "account": 1, "credentials": {"access_token": ["CANARY"]}},
            "connections.m.credentials.access_token: must be text",
        ),
        (
            "m",
            {"platform": "meta", "account": 1, "credentials": "CANARY"},
            "connections.m.credentials: must be a mapping of keys to values",
        ),
    ],
)
def test_what_is_wrong_is_named_without_values(
    name: str, values: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_connection(name, values, folder=FOLDER)
    assert caught.value.message.startswith(message)
    assert "CANARY" not in str(caught.value.as_json())
    assert caught.value.details["problems"][0]["key"]
