"""One segment in an audience on each of the four platforms at once."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from audsync.config.load import load_config
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from audsync.services import audiences
from audsync.services.cron.run_due import Pace, Report, run_due
from audsync.services.wiring.runtime import Runtime
from tests.databases import SetClock, copy_migrated
from tests.services.test_platforms import CASES

PLATFORMS = ("google", "meta", "snapchat", "tiktok")
_DAY_S = 24 * 3600
_CONNECTIONS = "connections:\n" + "".join(
    f"  {name}:\n    platform: {name}\n    base_url: https://sandbox.test/{name}"
    f"{CASES[name].connection}"
    for name in PLATFORMS
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Everywhere:
    """A project whose segment `vip` is on all platforms. `rest`: the file below the connections."""

    def __init__(self, folder: Path, rest: str) -> None:
        self.folder = folder
        self.clock = SetClock()
        self.world = World(clock=self.clock)
        copy_migrated(folder / "audsync.db")
        self.configure(rest)

    def configure(self, rest: str) -> None:
        (self.folder / "audsync.yaml").write_text(_CONNECTIONS + rest, encoding="utf-8")
        self.runtime = Runtime(
            config=load_config(self.folder / "audsync.yaml", {}),
            clock=self.clock,
            transport=lambda: SandboxTransport(self.world),
        )

    def write(self, name: str, rows: Sequence[Mapping[str, str]], header: Sequence[str]) -> None:
        with (self.folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, header, restval="")
            writer.writeheader()
            writer.writerows(rows)

    def create(self, segment: str = "vip") -> None:
        for name in PLATFORMS:
            new = audiences.NewAudience(segment=segment, connection=name, slug=name)
            assert audiences.create(self.runtime, new).exit_code == 0
        self.clock.advance(3600)
        assert not run_due(self.runtime, Pace()).jobs, "it only asks what became of requests"

    def run_due(self) -> Report:
        """What cron does a day later; the platforms then work off what they took."""
        self.clock.advance(_DAY_S)
        report = run_due(self.runtime, Pace())
        self.clock.advance(3600)
        return report

    def held(self, name: str) -> set[str]:
        """The values of e-mail addresses and phone numbers that a platform holds."""
        (remote,) = self.world.remotes(name)
        keys = {CASES[name].email_key, CASES[name].phone_key}
        return {value for key, value in remote.identifiers if key in keys}

    def holders(self, emails: Mapping[str, str]) -> dict[str, set[str]]:
        """Whose e-mail address each platform holds; `emails`: address by person, in its form."""
        return {
            name: {person for person, address in emails.items() if sha(address) in self.held(name)}
            for name in PLATFORMS
        }
