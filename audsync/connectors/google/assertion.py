"""A service account's key, and the assertions that it signs. The key never leaves the machine.

Sources: https://developers.google.com/identity/protocols/oauth2/service-account and RFC 7523, read
2026-11-22. google-auth reads the key and signs; it sends nothing.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from google.auth import crypt, jwt

from audsync.connectors.google.spec import TOKEN_URL
from audsync.errors import ConfigError

SCOPE = "https://www.googleapis.com/auth/datamanager"
LASTS_S = 3_600
"""Google takes no assertion that is good for longer."""
_WHERE = "credentials.service_account of the Google connection"


class Signer:
    """Signs for one service account."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._email = facts["client_email"]
        # Google answers for its own name, whatever proxy the request goes through.
        self._audience = facts.get("token_uri") or TOKEN_URL
        self._signer = crypt.RSASigner.from_service_account_info(facts)  # type: ignore[no-untyped-call]

    def assertion(self, now: datetime) -> str:
        """A signed JWT that asks for a token, good for an hour from `now`."""
        issued_at = int(now.timestamp())
        claims = {
            "iss": self._email,
            "scope": SCOPE,
            "aud": self._audience,
            "iat": issued_at,
            "exp": issued_at + LASTS_S,
        }
        token: bytes = jwt.encode(self._signer, claims)  # type: ignore[no-untyped-call]
        return str(token, "ascii")


def signer(key: str) -> Signer:
    """The signer for a key.

    Args:
        key: the JSON that Google Cloud made, or the path of a file that holds it.

    Raises:
        ConfigError: there is no such file, or it is no key of a service account; quotes nothing.
    """
    text = key.strip()
    try:
        if not text.startswith("{"):
            text = Path(text).read_text(encoding="utf-8")
        facts = json.loads(text)
    except OSError as error:
        raise ConfigError(f"The file of {_WHERE} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ConfigError(f"{_WHERE} is neither JSON nor the path of such a file.") from None
    if not isinstance(facts, dict) or facts.get("type") != "service_account":
        raise ConfigError(f"{_WHERE} is not the key of a service account.")
    try:
        return Signer(facts)
    # Whatever the library makes of a key that is damaged, its words may quote it.
    except Exception:  # noqa: BLE001
        raise ConfigError(f"{_WHERE} is damaged. Make a new key in Google Cloud.") from None
