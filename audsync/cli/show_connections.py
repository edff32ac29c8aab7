"""Printing for `connect`, `connections` and `key`. No secret ever comes this way, but a new key."""

import sys
from collections.abc import Sequence
from typing import Any

from audsync.cli import render
from audsync.cli.globals import Globals
from audsync.domain import Platform

Json = dict[str, Any]
_STYLES = {"ok": "green", "expiring": "yellow", "expired": "red", "error": "red"}
_COLUMNS = ("connection", "platform", "account", "stands in", "credentials", "status",
            "credentials end", "last tested")  # fmt: skip


def listed(records: Sequence[Json], settings: Globals) -> None:
    """Every connection; what a person must mend goes to stderr."""
    if settings.as_json:
        render.document({"connections": list(records)})
        return
    if not records:
        sys.stdout.write(
            "No connections yet. `audsync connect PLATFORM --name N --account ID` makes the"
            " first.\n"
        )
        return
    if not settings.is_quiet:
        _table(records, settings)
    for record in records:
        if record["error"]:
            error = record["error"]
            sys.stderr.write(f"{record['connection']}: {error['code']}: {error['message']}\n")


def connected(record: Json, settings: Globals) -> None:
    """A connection whose secrets were just saved."""
    if settings.as_json:
        render.document(record)
        return
    if settings.is_quiet:
        return
    name, account = record["connection"], record["account"]
    platform = Platform(record["platform"]).label
    ends = f" until {record['expires_at']}" if record["expires_at"] else ""
    render.console(settings).print(
        f"{platform} lets account {account} in{ends}. The credentials of {name} are saved,"
        f" encrypted with key {record['key_id']}.",
        markup=False,
    )


def removed(record: Json, settings: Globals) -> None:
    """What is left of a connection that was removed."""
    if settings.as_json:
        render.document(record)
    elif not settings.is_quiet:
        what = "its saved credentials are" if record["stands_in"] == "file" else "it is"
        sys.stdout.write(f"{record['connection']}: {what} forgotten.\n")


def new_key(report: Json, settings: Globals) -> None:
    """A new key: in clear only where it was not put anywhere."""
    if settings.as_json:
        render.document(report)
    elif "key" in report:
        sys.stdout.write(f"{report['key']}\n")
    elif not settings.is_quiet:
        sys.stdout.write(f"Key {report['key_id']} is in {report['kept_in']}.\n")
        if report["kept_in"] != "keyring":
            sys.stdout.write(f"Set AUDSYNC_ENCRYPTION_KEY_FILE={report['kept_in']}\n")
        sys.stdout.write(
            "Keep a copy apart from the store: without it saved credentials are lost.\n"
        )


def rotated(report: Json, settings: Globals) -> None:
    """What is sealed under the new key now."""
    if settings.as_json:
        render.document(report)
    elif not settings.is_quiet:
        sys.stdout.write(
            f"{report['resealed']} connections are encrypted with key {report['key_id']} now, and"
            f" the state of {report['state_files']['audiences']} audiences was written anew."
            f" {report['next']}\n"
        )
        for left in report["state_files"]["left"]:
            sys.stderr.write(f"{left['audience']}: {left['code']}: {left['message']}\n")


def _table(records: Sequence[Json], settings: Globals) -> None:
    from rich import box
    from rich.table import Table

    table = Table(*_COLUMNS, box=box.SIMPLE_HEAD, pad_edge=False)
    for record in records:
        style = _STYLES.get(record["status"])
        status = record["status"].replace("_", " ")
        table.add_row(
            record["connection"],
            record["platform"],
            record["account"],
            record["stands_in"],
            record["credentials_in"] or "-",
            f"[{style}]{status}[/]" if style else status,
            record["expires_at"] or "-",
            record["last_tested_at"] or "-",
        )
    render.console(settings).print(table)
