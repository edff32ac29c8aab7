"""`deploy`."""

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audsync import __version__
from audsync.cli import render
from audsync.cli.context import config_of, globals_of
from audsync.services.schedule.deployment import Place, Target, texts

if TYPE_CHECKING:
    from audsync.config.model import Config


def deploy(
    context: typer.Context,
    target: Annotated[
        Target, typer.Argument(metavar="TARGET", help="cron, systemd, kubernetes or airflow.")
    ],
) -> None:
    """Print what makes a scheduler call run-due, with the paths of this installation."""
    settings = globals_of(context)
    config = config_of(context)
    place = Place(
        program=_program(),
        config=_file(config, settings.config),
        user=getpass.getuser(),
        version=__version__,
        has_file_store=config.store.url.startswith("sqlite"),
    )
    found = texts(target, place)
    if settings.as_json:
        files = [{"path": one.path, "text": one.text} for one in found]
        render.document({"target": target.value, "files": files})
        return
    for number, one in enumerate(found):
        if len(found) > 1:
            sys.stdout.write(f"{'' if not number else chr(10)}# {one.path}\n")
        sys.stdout.write(one.text)


def _program() -> tuple[str, ...]:
    """How this very installation is called."""
    script = Path(sys.executable).with_name("audsync")
    return (str(script),) if script.exists() else (sys.executable, "-m", "audsync")


def _file(config: "Config", named: Path | None) -> Path:
    """The configuration that was read."""
    from audsync.config.load import FILE_NAME

    path = named or Path(os.environ.get("AUDSYNC_CONFIG") or FILE_NAME)  # noqa: TID251 - the door
    return config.folder / path.name
