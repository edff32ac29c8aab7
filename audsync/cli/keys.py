"""`key generate` and `key rotate`."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from audsync.cli import show_connections
from audsync.cli.context import globals_of, runtime_of
from audsync.errors import AudsyncError

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The key that encrypts saved credentials."
)


@app.command()
def generate(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new file, for you only.")
    ] = None,
    keyring: Annotated[
        bool, typer.Option("--keyring", help="Keep it in the system's keyring.")
    ] = False,
) -> None:
    """Make a key, and print it unless it is put somewhere; overwrites nothing."""
    from audsync.services import key_rotation

    key = key_rotation.make(out, into_keyring=keyring)
    with suppress(AudsyncError):  # whoever begins has no configuration yet, nor a store
        key_rotation.put_on_record(runtime_of(context), key)
    kept_in = "keyring" if keyring else out and str(out.absolute())
    where = {"kept_in": kept_in} if kept_in else {"key": key.text}
    show_connections.new_key({"key_id": key.id, **where}, globals_of(context))


@app.command()
def rotate(
    context: typer.Context,
    new_key_file: Annotated[
        Path | None, typer.Option("--new-key-file", metavar="FILE", help="Where the new key is.")
    ] = None,
    keyring: Annotated[
        bool, typer.Option("--keyring", help="Make a new one in the system's keyring.")
    ] = False,
) -> None:
    """Encrypt everything with another key, for all tenants: credentials at once, then state files.

    The new key is that of --new-key-file, or of AUDSYNC_NEW_ENCRYPTION_KEY.
    """
    from audsync.services import key_rotation

    report = key_rotation.rotate(runtime_of(context), new_key_file, in_keyring=keyring)
    show_connections.rotated(report, globals_of(context))
    raise typer.Exit(1 if report["state_files"]["left"] else 0)
