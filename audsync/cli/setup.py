"""`init`, `doctor`, `schema`."""

import os

import typer

from audsync.cli import render
from audsync.cli.context import globals_of, runtime_of
from audsync.errors import ConfigError

FAILED_EXIT_CODE = 1


def init(context: typer.Context) -> None:
    """Write a commented audsync.yaml and .env.example, and make the store; overwrites nothing."""
    from audsync.cli import show_setup
    from audsync.services import setup as service

    settings = globals_of(context)
    environ = os.environ  # noqa: TID251 - where the file is to be may be said there
    done = service.set_up(settings.config, environ, tenant=settings.tenant)
    show_setup.set_up(done, settings)


def doctor(context: typer.Context) -> None:
    """Check config, store, state folder, clock, connections and sources; say how to mend each."""
    from audsync.cli import show_setup
    from audsync.services.doctor import checkup

    exit_code = 0
    try:
        runtime = runtime_of(context)
    except ConfigError as error:
        checks = [checkup.broken_config(error)]
        exit_code = error.exit_code
    else:
        checks = checkup.examine(runtime)
    show_setup.checks(checks, globals_of(context))
    if not all(check.ok for check in checks):
        raise typer.Exit(exit_code or FAILED_EXIT_CODE)


def schema() -> None:
    """Print the JSON Schema of audsync.yaml, for editors."""
    from audsync.config.schema import json_schema

    render.document(json_schema())
