"""What a person entered for a connection, checked the same way for every platform. Pure.

A value that could not travel in a header, a form or an address is refused here, so that no error
of a library below ever quotes it. No message quotes a secret.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from audsync.connectors.contract import Access
from audsync.errors import ConfigError

_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
_EXACT_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?(\?[^#\s]*)?")
_SENDABLE = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What was entered for one platform, which the messages name.

    Every method raises `ConfigError` where the value cannot be right.
    """

    platform: str
    """As people write it, such as TikTok."""
    access: Access

    def refuse_unknown(self, credentials: Collection[str], options: Collection[str]) -> None:
        """See that nothing was entered that the platform does not know."""
        self._refuse("credentials", self.access.credentials, credentials)
        self._refuse("options", self.access.options, options)

    def version(self, usual: str, shape: str) -> str:
        """The version of the API, as the expression `shape` wants it; else the usual one."""
        version = self.access.api_version or usual
        if not re.fullmatch(shape, version):
            raise ConfigError(f"api_version of a {self.platform} connection looks like {usual}.")
        return version

    def base_url(self, usual: str) -> str:
        """Where paths are added to; no slash at the end."""
        address = self.access.base_url or usual
        if not _ADDRESS.fullmatch(address):
            raise ConfigError(
                "base_url must be an http or https address without user, query or fragment, "
                f"such as {usual}."
            )
        return address.rstrip("/")

    def token_url(self, usual: str) -> str:
        """Where tokens are asked for, used exactly as it stands."""
        address = self.access.token_url or usual
        if not _EXACT_ADDRESS.fullmatch(address):
            raise ConfigError(
                f"token_url must be an http or https address without user, such as {usual}."
            )
        return address

    def secret(self, name: str) -> str | None:
        """The credential `name`; None where it is missing or blank."""
        value = self.access.credentials.get(name, "").strip()
        if not _SENDABLE.fullmatch(value):
            raise ConfigError(
                f"The credential {name} holds characters that no {self.platform} {name} has."
            )
        return value or None

    def needed_secret(self, name: str) -> str:
        """The same, where there is no connection without it."""
        value = self.secret(name)
        if value is None:
            raise ConfigError(f"A {self.platform} connection needs the credential {name}.")
        return value

    def days(self, name: str, most: int) -> int | None:
        """The option `name`, from 1 to `most`; None where it is missing."""
        value = self.access.options.get(name)
        if value is None:
            return None
        if type(value) is int and 1 <= value <= most:  # bool is an int too
            return value
        raise ConfigError(f"{name} is a whole number from 1 to {most}.")

    def _refuse(self, where: str, given: Mapping[str, object], known: Collection[str]) -> None:
        if unknown := sorted(set(given) - set(known)):
            names, right = ", ".join(unknown), ", ".join(sorted(known))
            raise ConfigError(
                f"A {self.platform} connection has no {where} named {names}; it knows {right}."
            )
