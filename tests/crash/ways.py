"""The platforms as the crash tests know them: how to reach each, and how it names people.

A platform that works requests off later is `quick` when a run can wait for it, and `slow` when
what was accepted in one run is final in the next at the earliest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.crash.people import Names

_GOOGLE = """\
    account: "1234567890"
    token_url: {base}/token
    credentials:
      client_id: sandbox-client
      client_secret: sandbox-client-secret
      refresh_token: sandbox-google-refresh
    options:
      consent: {{ad_user_data: granted, ad_personalization: granted}}
      terms_accepted: true
"""
_TIKTOK = """\
    account: "7000000000000000001"
    credentials: {{access_token: sandbox-tiktok-token}}
"""
_SNAPCHAT = """\
    account: 0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11
    token_url: {base}/login/oauth2/access_token
    credentials:
      client_id: sandbox-client
      client_secret: sandbox-client-secret
      refresh_token: sandbox-snapchat-refresh
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A platform, or one of the ways of a platform that has several."""

    label: str
    platform: str
    settings: str
    """The rest of its connection in audsync.yaml; {base} and {token} are filled in."""
    names: Names
    members_path: str
    """A part of the address of every call that adds or removes members."""
    sandbox: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the simulated platform."""
    quick: Mapping[str, Any] = field(default_factory=dict)
    slow: Mapping[str, Any] = field(default_factory=dict)

    @property
    def connection(self) -> str:
        """Its name in audsync.yaml."""
        return f"{self.label}-main"

    @property
    def settles(self) -> bool:
        """Whether requests are worked off later."""
        return bool(self.slow)

    def as_yaml(self, *, sandbox: str, token: str) -> str:
        """Its connection in audsync.yaml."""
        base = f"{sandbox}/{self.platform}"
        head = f"  {self.connection}:\n    platform: {self.platform}\n    base_url: {base}\n"
        return head + self.settings.format(base=base, token=token)


META = Way(
    label="meta",
    platform="meta",
    settings="    account: act_1001\n    credentials: {{access_token: {token}}}\n",
    names=Names(email="EMAIL", phone="PHONE", external_id="EXTERN_ID"),
    members_path="/users",
)
GOOGLE = Way(
    label="google",
    platform="google",
    settings=_GOOGLE,
    names=Names(email="EMAIL", phone="PHONE", phone_prefix="+"),
    members_path="audienceMembers",
    quick={"settle_after_s": 10},
    slow={"settle_after_s": 1800},
)
TIKTOK = Way(
    label="tiktok",
    platform="tiktok",
    settings=_TIKTOK,
    names=Names(email="EMAIL_SHA256", phone="PHONE_SHA256", phone_prefix="+"),
    members_path="/segment/mapping",
)
TIKTOK_FILES = Way(
    label="tiktok-files",
    platform="tiktok",
    settings=f"{_TIKTOK}    options: {{{{upload: file}}}}\n",
    names=TIKTOK.names,
    members_path="/dmp/custom_audience",
    sandbox={"smallest_audience": 1},
    quick={"file_delay_h": 0.002},
    slow={"file_delay_h": 0.5},
)
SNAPCHAT = Way(
    label="snapchat",
    platform="snapchat",
    settings=_SNAPCHAT,
    names=Names(email="EMAIL_SHA256", phone="PHONE_SHA256"),
    members_path="/users",
)
WAYS = (META, GOOGLE, TIKTOK, TIKTOK_FILES, SNAPCHAT)
