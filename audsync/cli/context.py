"""From a command's context to the program it runs with."""

import logging
import os
from typing import TYPE_CHECKING
from uuid import uuid4

import typer

from audsync import logs
from audsync.cli.globals import Globals
from audsync.errors import UsageError

if TYPE_CHECKING:
    from audsync.config.model import Config
    from audsync.services.wiring.runtime import Runtime


def globals_of(context: typer.Context) -> Globals:
    """The global options of this run."""
    settings = context.find_object(Globals)
    assert settings is not None
    return settings


def config_of(context: typer.Context) -> "Config":
    """The configuration, checked.

    Raises:
        ConfigError: it cannot be used.
    """
    from audsync.config.load import load_config

    settings = globals_of(context)
    config = load_config(settings.config, os.environ)  # noqa: TID251 - the one door
    if settings.tenant is not None:
        config = config.model_copy(update={"tenant": settings.tenant})
    return config


def runtime_of(context: typer.Context) -> "Runtime":
    """The program, wired from the configuration."""
    from audsync.cli.progress import progress_for
    from audsync.services.wiring.runtime import Runtime

    settings = globals_of(context)
    return Runtime(
        config=config_of(context), progress=progress_for(settings), command=settings.command
    )


def confirm(context: typer.Context, question: str, *, is_sure: bool) -> None:
    """Ask a person, unless --yes was said; without a terminal --yes is needed.

    Raises:
        UsageError: nobody can be asked.
        typer.Abort: the person said no.
    """
    if is_sure:
        return
    if not globals_of(context).is_interactive:
        raise UsageError(f"{question} Say --yes: there is no terminal to ask on.")
    typer.confirm(question, abort=True, err=True)


def set_up_logging(settings: Globals) -> None:
    """Logs go to stderr: warnings, or everything of ours with --verbose; errors with --quiet.

    With --log-file everything of ours goes to that file, too.

    Raises:
        UsageError: the file cannot be opened.
    """
    level = logging.ERROR if settings.is_quiet else logging.WARNING
    if settings.is_verbose:
        level = logging.INFO
    try:
        logs.set_up(
            level=level,
            file=settings.log_file,
            is_json=settings.is_log_json,
            run_id=uuid4().hex[:12],
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(
            f"The log file {settings.log_file} cannot be opened: {reason}. Name a file in a folder"
            " that is there and may be written to.",
            details={"option": "--log-file"},
        ) from None
