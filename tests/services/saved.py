"""A folder with a configuration, the platforms behind it, and a key for what is saved."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
from keyring.backends.fail import Keyring as NoKeyring
from pydantic import SecretStr

from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from audsync.services.connections import connecting
from audsync.services.connections.connecting import Wanted
from audsync.services.connections.sandbox_access import connections_to
from audsync.services.wiring.runtime import Runtime
from audsync.vault.keys import Key
from tests.databases import SetClock, copy_migrated

KEY = Key(bytes(range(32)))
OTHER = Key(bytes(32))
CANARY = "EAABcanary8f3b"
SANDBOX_TOKEN = "sandbox-meta-token"
VIP = """
segments:
  vip: {source: {type: file, path: vip.csv}, columns: {profile_id: id, email: email}}
"""
IN_FILE = """
connections:
  meta-main: {platform: meta, account: act_1001, base_url: https://sandbox.test/meta}
"""


class Shop:
    """A folder with a configuration, the platforms, and a key."""

    def __init__(self, folder: Path, world: World, clock: SetClock) -> None:
        self.folder, self.world, self.clock = folder, world, clock
        copy_migrated(folder / "audsync.db")
        (folder / "vip.csv").write_text("id,email\n1,ada@example.com\n", "utf-8")

    def runtime(self, text: str = VIP, **environ: str) -> Runtime:
        path = self.folder / "audsync.yaml"
        path.write_text(text, "utf-8")
        environ = {"AUDSYNC_ENCRYPTION_KEY": KEY.text, **environ}
        return Runtime(
            config=load_config(path, environ),
            clock=self.clock,
            transport=lambda: SandboxTransport(self.world),
        )

    def access(self, platform: str) -> dict[str, Any]:
        return connections_to(self.world.platforms, "https://sandbox.test")[platform]

    def connect(self, runtime: Runtime, platform: str = "meta", name: str = "main") -> Any:  # noqa: ANN401 - JSON
        access = self.access(platform)
        wanted = Wanted(
            platform=Platform(platform),
            name=name,
            account=access["account"],
            base_url=access["base_url"],
            token_url=access.get("token_url"),
            options=flat(access.get("options", {})),
        )
        return connecting.connect(runtime, wanted, told(access["credentials"]))

    def set_token(self, **token: object) -> None:
        self.world.platforms["meta"].configure({"tokens": [{"value": SANDBOX_TOKEN, **token}]})

    def store(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.glob("audsync.db*"))


def told(secrets: dict[str, str]) -> Callable[[Platform], dict[str, SecretStr]]:
    return lambda _platform: {key: SecretStr(value) for key, value in secrets.items()}


def never(_platform: Platform) -> dict[str, SecretStr]:
    raise AssertionError("nobody may be asked")


def flat(options: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in options.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{key}.")
        else:
            found[before + key] = str(value)
    return found


def a_shop(tmp_path: Path) -> Iterator[Shop]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]  # the library's own
    clock = SetClock()
    yield Shop(tmp_path, World(clock=clock), clock)
    keyring.set_keyring(before)
