"""What can be seen of the packages that audsync is built with, without asking anybody."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; .+)?")
LOCK = (ROOT / "requirements-dev.lock").read_text("utf-8").splitlines()


def test_every_package_of_the_lock_is_pinned_to_one_version_from_the_index() -> None:
    assert [line for line in LOCK if not PIN.fullmatch(line)] == []


def test_the_tests_run_with_the_versions_of_the_lock() -> None:
    other = {}
    for line in LOCK:
        pinned = PIN.fullmatch(line)
        assert pinned is not None
        try:
            installed = metadata.version(pinned["name"])
        except metadata.PackageNotFoundError:
            continue  # for another system
        if installed != pinned["version"]:
            other[pinned["name"]] = installed
    assert other == {}


def test_no_requirement_lets_in_a_version_that_nobody_has_seen() -> None:
    """A next major version, or a minor one before 1.0, is looked at before it is let in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(one for extra in extras for one in extra)]
    floor_is_enough = {"cryptography", "tzdata", "types-PyYAML", "types-jsonschema"}
    """Whose fixes are wanted at once; and data and stubs, which do nothing."""
    open_ended = {
        re.split(r"[<>=\[]", one)[0]
        for one in wanted
        if "<" not in one and "==" not in one and not one.startswith("audsync[")
    }
    assert open_ended <= floor_is_enough
