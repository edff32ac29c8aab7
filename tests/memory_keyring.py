"""A system keyring as a person would have one, in memory."""

import keyring.errors
from keyring.backend import KeyringBackend


class Memory(KeyringBackend):
    """A system keyring as a person would have one."""

    priority = -1  # never the one that the library chooses by itself

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library's own
        self.kept: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._open()
        del self.kept[service, username]

    def _open(self) -> None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked
