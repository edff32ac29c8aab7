"""What holds for the whole house: sizes, names, and documents that say what is there."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from audsync import errors
from audsync.cli.app import app
from audsync.cli.globals import split
from audsync.config.load import load_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
GUIDES = (
    "README.md",
    "CONTRIBUTING.md",
    "crontab.example",
    "docs/configuration.md",
    "docs/cron.md",
)
MAX_LINES = 400
DRAWERS = {"base", "common", "core", "helpers", "misc", "util", "utils"}
WARNINGS = {
    "EMPTY_SEGMENT", "NO_VALID_IDENTIFIERS", "BELOW_MINIMUM_SIZE", "NAME_CHANGED",
    "LOW_MATCH_RATE", "SLOW_SYNC", "CREDENTIALS_EXPIRING", "DUPLICATE_PROFILES",
    "PLATFORM_REJECTED_ENTRIES", "SIZE_DRIFT",
}  # fmt: skip
COMMANDS: Any = typer.main.get_command(app)


def modules() -> Iterator[Path]:
    for folder in ("audsync", "tests", "benchmarks"):
        yield from (ROOT / folder).rglob("*.py")


def shell_lines(text: str) -> Iterator[str]:
    """Lines of `sh` blocks without comments, here-documents left out."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        code = re.sub(r"<<'END'\n.*?\n\s*END\n", "\n", block, flags=re.DOTALL)
        yield from (line.partition(" #")[0].strip() for line in code.splitlines())


def audsync_lines() -> list[str]:
    """Every audsync command line in the guides: in `sh` blocks, and whole in back quotes."""
    found = []
    for name in GUIDES:
        text = (ROOT / name).read_text("utf-8")
        found += [line for line in shell_lines(text) if line.startswith("audsync ")]
        found += re.findall(r"(?<=bin/)audsync .*", text)
    found += re.findall(r"^\| `(audsync [^`]+)`", README, re.MULTILINE)
    return sorted(set(found))


def codes() -> set[str]:
    kinds = [errors.AudsyncError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return {kind.code for kind in kinds}


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := len(path.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_nothing_is_put_into_a_drawer() -> None:
    named = {path for path in modules() if {path.stem, *path.relative_to(ROOT).parts} & DRAWERS}
    assert named == set()


def test_every_package_says_what_it_is_for() -> None:
    for path in (ROOT / "audsync").rglob("__init__.py"):
        assert re.match(r'"""[A-Z].{20,}', path.read_text("utf-8")), path


@pytest.mark.parametrize("line", audsync_lines())
def test_every_command_in_the_guides_exists(line: str) -> None:
    plain = re.split(r" [>|] ", line)[0].replace("[", "").replace("]", "")
    _, words = split(shlex.split(plain)[1:])
    if words == ["--version"]:
        return
    command = COMMANDS.commands[words[0].rstrip(",")]
    rest = words[1:]
    if rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest[0]]
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    used = {word for word in rest if word.startswith("--")} - {"--help"}
    assert used <= known


def test_every_make_target_in_the_guides_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    used = set()
    for name in (*GUIDES, ".ci/run"):
        used |= set(
            re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
        )
    assert used
    assert used <= targets


def test_ci_runs_what_the_readme_and_the_guide_say() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.findall(r"^make (\w+)", script, re.MULTILINE) == ["check", "test", "demo"]
    done = subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=False)
    assert done.returncode == 0
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_every_command_is_in_the_readme() -> None:
    table = " ".join(re.findall(r"^\| (.+?) \|", README, re.MULTILINE))
    missing = {name for name in COMMANDS.commands if not re.search(rf"\b{name}\b", table)}
    assert missing == set()


def test_every_code_is_explained() -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert {code for code in codes() | WARNINGS if f"`{code}`" not in text} == set()


def test_every_exit_code_is_explained() -> None:
    kinds = [errors.AudsyncError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    explained = set(re.findall(r"^\| (\d+) \|", README, re.MULTILINE))
    assert {str(kind.exit_code) for kind in kinds} <= explained


def test_every_link_leads_somewhere() -> None:
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            if "://" not in link:
                assert (path.parent / link).exists(), f"{path}: {link}"


def test_the_example_configuration_loads() -> None:
    path = ROOT / "config.example.yaml"
    names = set(re.findall(r"\$\{([A-Z_]+)[}:]", path.read_text("utf-8")))
    config = load_config(path, dict.fromkeys(names, "https://example.com/x"))
    assert set(config.connections) >= {"meta-main", "google-main", "tiktok-main"}


def test_the_lock_file_has_every_tool_and_no_address() -> None:
    text = (ROOT / "requirements-dev.lock").read_text("utf-8")
    assert "://" not in text
    assert "--" not in text
    locked = {line.partition("==")[0] for line in text.splitlines()}
    assert locked >= {"jsonschema", "pytest", "ruff", "mypy", "import-linter", "polars", "duckdb"}
