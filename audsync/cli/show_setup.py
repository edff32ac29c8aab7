"""Printing for `init`, `doctor` and `sandbox`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from audsync.cli import render
from audsync.cli.globals import Globals

if TYPE_CHECKING:
    from audsync.services.doctor.checks import Check
    from audsync.services.setup import SetUp, Written


def set_up(done: "SetUp", settings: Globals) -> None:
    """What `init` wrote, what it left alone, and what comes next."""
    if settings.as_json:
        render.document(
            {
                "config": _written(done.config),
                "dotenv_example": _written(done.dotenv_example),
                "state": _written(done.state),
                "store": done.store,
                "next_steps": list(done.next_steps),
            }
        )
        return
    if settings.is_quiet:
        return
    for one in (done.config, done.dotenv_example, done.state):
        words = "made" if one.is_new else "was there already and is left as it is"
        sys.stdout.write(f"{one.path}: {words}\n")
    sys.stdout.write(f"{done.store}: ready\n\nNext:\n")
    for number, step in enumerate(done.next_steps, start=1):
        sys.stdout.write(f"  {number}. {step}\n")


def checks(found: Sequence["Check"], settings: Globals) -> None:
    """Every check, and how to mend what failed."""
    if settings.as_json:
        is_ok = all(check.ok for check in found)
        render.document({"checks": [asdict(check) for check in found], "ok": is_ok})
        return
    for check in found:
        if check.ok and settings.is_quiet:
            continue
        mark = "ok  " if check.ok else "FAIL"
        sys.stdout.write(f"{mark}  {check.name}: {_indented(check.detail)}\n")
        if not check.ok:
            sys.stdout.write(f"      {_indented(check.mend)}\n")


def sandbox(url: str, connections: Mapping[str, Mapping[str, object]], settings: Globals) -> None:
    """Where the sandbox is, and connections to it for the configuration file."""
    from audsync.services.connections.sandbox_access import as_yaml

    if settings.as_json:
        render.document({"url": url, "connections": connections})
        return
    sys.stdout.write(f"The sandbox listens at {url} until you press Ctrl-C.\n\n")
    sys.stdout.write(f"For audsync.yaml:\n\n{as_yaml(connections)}")
    sys.stdout.flush()


def _written(one: "Written") -> dict[str, object]:
    return {"path": str(one.path), "is_new": one.is_new}


def _indented(text: str) -> str:
    return text.replace("\n", "\n      ")
