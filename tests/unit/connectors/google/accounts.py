"""An account at Google, and answers of Google's, for the tests beside this file."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from audsync.connectors.contract import Access

OPTIONS: Mapping[str, Any] = {
    "consent": {"ad_user_data": "granted", "ad_personalization": "denied"},
    "terms_accepted": True,
}
SECRETS = {"client_id": "client-1", "client_secret": "s3cret", "refresh_token": "1//refresh"}
APP = {"app_id": "com.example.shop", "key_space": "android"}


def access(**changes: Any) -> Access:  # noqa: ANN401 - fields of Access
    """A complete access; `options` add to the usual ones, and None takes one away."""
    extra = changes.pop("options", {})
    options = {key: value for key, value in {**OPTIONS, **extra}.items() if value is not None}
    values = {"account": "123-456-7890", "credentials": SECRETS, "options": options, **changes}
    return Access(**values)


def failure(status: str, *reasons: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An error body; `fields` are violations: place -> reason."""
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "datamanager.googleapis.com",
        }
        for reason in reasons
    ]
    if fields:
        violations = [
            {"field": field, "description": "It is wrong: mary@example.com.", "reason": reason}
            for field, reason in fields.items()
        ]
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": violations,
            }
        )
    details.append({"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "trace-1"})
    message = "There was a problem with mary@example.com."
    return {"error": {"code": 0, "message": message, "status": status, "details": details}}


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key() -> str:
    """What Google knows of the key of `service_account`."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _key().public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def service_account(**changes: object) -> str:
    """The JSON of a service account's key, made up on the spot."""
    private_key = _key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    facts = {
        "type": "service_account",
        "private_key_id": "key-1",
        "private_key": private_key.decode(),
        "client_email": "sync@example.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps({**facts, **changes})
