"""`init`: the first files and an empty store. Nothing that is there is ever changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audsync.config.load import FILE_NAME, load_config
from audsync.config.template import DOTENV_EXAMPLE, STARTER
from audsync.errors import StateError
from audsync.services.wiring.runtime import Runtime

EXAMPLE_NAME = ".env.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file or folder that a person now has; `is_new`: made in this run."""

    path: Path
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What `init` left."""

    config: Written
    dotenv_example: Written
    state: Written
    store: str
    """The store's file, or its address without the password."""
    next_steps: tuple[str, ...]


def set_up(path: Path | None, environ: Mapping[str, str], *, tenant: int | None = None) -> SetUp:
    """Write the starter files where the next command will look, then make store and state folder.

    Args:
        path: the configuration file; None for the one that AUDSYNC_CONFIG names, else
            `audsync.yaml` in the current folder.
        environ: the process environment.
        tenant: instead of the file's.

    Raises:
        ConfigError: a configuration file was there before and cannot be used.
        StateError: a file or a folder cannot be written.
        StoreError: the store cannot be made.
    """
    target = path or Path(environ.get("AUDSYNC_CONFIG") or FILE_NAME)
    config_file = _written(target, STARTER)
    example = _written(target.parent / EXAMPLE_NAME, DOTENV_EXAMPLE)
    config = load_config(target, environ)
    if tenant is not None:
        config = config.model_copy(update={"tenant": tenant})
    runtime = Runtime(config=config)
    state = _folder(runtime.state_root)
    return SetUp(
        config=config_file,
        dotenv_example=example,
        state=state,
        store=str(runtime.database.file or runtime.database.address),
        next_steps=_next_steps(config_file, is_default_place=path is None),
    )


def _written(path: Path, text: str) -> Written:
    """The file with that text, unless there is one already."""
    if path.exists():
        return Written(path=path, is_new=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _unwritable(path, error) from error
    return Written(path=path, is_new=True)


def _folder(path: Path) -> Written:
    """The folder and the one around it, for the eyes of their owner only."""
    is_new = not path.is_dir()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    return Written(path=path, is_new=is_new)


def _unwritable(path: Path, error: OSError) -> StateError:
    return StateError(
        f"{path} cannot be written: {error.strerror}. Check the folder's permissions, or name"
        " another place with --config.",
        details={"path": str(path)},
    )


def _next_steps(config: Written, *, is_default_place: bool) -> tuple[str, ...]:
    option = "" if is_default_place else f" --config {config.path}"
    if not config.is_new:
        return (f"audsync doctor{option}", f"audsync status{option}")
    return (
        f"Edit {config.path}: your ad account and its token, your file and its columns.",
        f"audsync doctor{option}",
        f"audsync check customers{option}",
        f"audsync create customers --connection meta-main{option}",
        "To see it all work before that, without any account: audsync demo",
    )
