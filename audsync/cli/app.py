"""The command line: every command in one list, and the one place where errors become exit codes."""

import json
import logging
from collections.abc import Sequence

import typer

from audsync import __version__, logs, steps
from audsync.cli import (
    audiences,
    audit,
    connections,
    declared,
    deploy,
    due,
    jobs,
    keys,
    notifications,
    segments,
    setup,
    simulated,
    syncing,
    watching,
)
from audsync.cli.context import globals_of, set_up_logging
from audsync.cli.globals import Globals, split
from audsync.errors import AudsyncError, CancelledError, UsageError

USAGE_EXIT_CODE = 2

_log = logging.getLogger(__name__)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    rich_markup_mode=None,
    help="Keep ad-platform audiences exactly equal to customer segments.",
    epilog="Every command takes --config FILE, --tenant ID, --json, --quiet, --verbose,"
    " --no-color, --log-format text|json and --log-file PATH, before or after its name.",
)
for _name, _command in (
    ("init", setup.init),
    ("demo", simulated.demo),
    ("check", segments.check),
    ("connect", connections.connect),
    ("create", audiences.create),
    ("apply", declared.apply),
    ("plan", syncing.plan),
    ("sync", syncing.sync),
    ("replace", syncing.replace),
    ("reconcile", syncing.reconcile),
    ("retry", syncing.retry),
    ("run-due", due.run_due),
    ("deploy", deploy.deploy),
    ("delete", audiences.delete),
    ("status", audiences.status),
    ("pause", audiences.pause),
    ("resume", audiences.resume),
    ("set", audiences.set_),
    ("recreate", audiences.recreate),
    ("unlink", audiences.unlink),
    ("unlock", audiences.unlock),
    ("export", segments.export),
    ("hash", segments.hash_),
    ("doctor", setup.doctor),
    ("health", watching.health),
    ("metrics", watching.metrics),
    ("schema", setup.schema),
    ("sandbox", simulated.sandbox),
):
    app.command(_name)(_command)
app.add_typer(connections.app, name="connections")
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="key")
app.add_typer(audit.app, name="audit")
app.add_typer(notifications.app, name="notifications")


def _tell_version(context: typer.Context, is_asked: bool) -> None:
    """Before anything else is looked at: no command has to follow."""
    if is_asked:
        is_json = globals_of(context).as_json
        typer.echo(json.dumps({"version": __version__}) if is_json else f"audsync {__version__}")
        raise typer.Exit


@app.callback()
def prepare(
    version: bool = typer.Option(
        False,
        "--version",
        is_eager=True,
        callback=_tell_version,
        help="Show the version and leave.",
    ),
) -> None:
    """Keep ad-platform audiences exactly equal to customer segments."""
    del version


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Returns:
        the exit code; whatever failed has been told.
    """
    settings = Globals(as_json="--json" in arguments, is_verbose="--verbose" in arguments)
    try:
        settings, rest = split(arguments)
        set_up_logging(settings)
        steps.listen_from_environment()
        result = app(args=rest, standalone_mode=False, obj=settings)
        return result if isinstance(result, int) else 0
    except typer.Exit as leaving:
        return int(leaving.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return _tell(CancelledError("Stopped before anything was changed."), settings)
    except AudsyncError as error:
        return _tell(error, settings)
    except BrokenPipeError:
        return 1
    except Exception as error:
        from audsync.services.bugs import as_error

        if settings.is_verbose:
            raise
        return _tell(_as_usage(error) or as_error(error), settings)


def _tell(error: AudsyncError, settings: Globals) -> int:
    from audsync.cli import render

    _log.error("%s", error.message, extra=logs.of(error, is_told=True))
    render.error(error, as_json=settings.as_json)
    return error.exit_code


def _as_usage(error: Exception) -> UsageError | None:
    """What the command line library says of a wrong command line, as our own error."""
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    return UsageError(f"{message()} `audsync --help` lists the commands and their options.")
