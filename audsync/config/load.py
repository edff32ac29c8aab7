"""Finding and reading the file: text in, a checked Config or one ConfigError with all problems."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path

import platformdirs
from pydantic import SecretStr, ValidationError

from audsync.config import dotenv
from audsync.config.credentials import CREDENTIALS, secret_variable
from audsync.config.document import Leaf, Node, Problem, UnreadableError, plain, read, with_leaf
from audsync.config.model import (
    Config,
    Identity,
    SegmentConfig,
    SparkEngineConfig,
    TableSource,
)
from audsync.config.places import Location, find
from audsync.config.problems import hint, problem_at, translate
from audsync.config.references import References
from audsync.config.values import Surroundings
from audsync.errors import ConfigError

FILE_NAME = "audsync.yaml"
OVERRIDES = {
    "AUDSYNC_TENANT": ("tenant",),
    "AUDSYNC_STORE_URL": ("store", "url"),
    "AUDSYNC_STATE_URL": ("state", "url"),
    "AUDIENCE_SYNC_MAX_BATCH_SIZE": ("limits", "max_batch_size"),
    "AUDIENCE_SYNC_MAX_CONCURRENT_SYNCS": ("limits", "max_concurrent_syncs"),
    "AUDIENCE_SYNC_MIN_INTERVAL_HOURS": ("defaults", "minimum_every"),
    "AUDIENCE_SYNC_DEFAULT_INTERVAL_HOURS": ("defaults", "every"),
}
"""Variables that overrule a setting; an empty one counts as not set."""
_KEY_BYTES = 32
_ABOVE_DEFAULT = "must not be above defaults.every, which is 24h unless you set it"


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Read the configuration; the environment overrules `.env`, and both overrule the file.

    Args:
        path: the file; None to look at AUDSYNC_CONFIG, then for `audsync.yaml` in the current
            folder, then in the user's configuration folder.
        environ: the process environment.

    Raises:
        ConfigError: there is no file, or something in it, in `.env` or in the environment
            cannot be used. The message has one line a problem: file and line, key, what to
            write. `details` has `file` and `problems`. No value is ever in either.
    """
    found = _find(path, environ)
    variables = {**_dotenv(found.parent / ".env"), **environ}
    try:
        references = References(variables=variables, folder=found.parent.absolute())
        root, problems = read(_text(found), references)
    except UnreadableError as error:
        raise _refusal(found, [error.problem]) from None
    root = _overruled(root, variables)
    config: Config | None = None
    surroundings = _surroundings(found, variables)
    try:
        config = Config.model_validate(plain(root), context=surroundings)
    except ValidationError as error:
        problems += translate(error, root)
    if config is None or problems:
        raise _refusal(found, problems)
    contradictions = [problem_at(find(root, at), text) for at, text in _contradictions(config)]
    if contradictions:
        raise _refusal(found, contradictions)
    return config


def _find(path: Path | None, environ: Mapping[str, str]) -> Path:
    named = environ.get("AUDSYNC_CONFIG", "")
    if path is not None:
        return path
    return Path(named) if named else _search()


def _search() -> Path:
    user_folder = platformdirs.user_config_path("audsync", appauthor=False)
    for folder in (Path(), user_folder):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise ConfigError(
        f"there is no {FILE_NAME}, neither here nor in {user_folder}; "
        "make one with `audsync init`, or name it with --config",
        details={"file": FILE_NAME},
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except FileNotFoundError:
        raise ConfigError(
            f"there is no file {path}; make one with `audsync init`, or name another one with "
            "--config or AUDSYNC_CONFIG",
            details={"file": str(path)},
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        return dotenv.parse(_text(path))
    except ValueError as error:
        raise ConfigError(f"{path}:{error}", details={"file": str(path)}) from None


def _overruled(root: Node, variables: Mapping[str, str]) -> Node:
    for variable, path in OVERRIDES.items():
        if variables.get(variable):
            root = with_leaf(root, path, Leaf(line=0, text=variables[variable], variable=variable))
    return root


def _surroundings(path: Path, variables: Mapping[str, str]) -> Surroundings:
    folder = path.parent.absolute()
    key_file = variables.get("AUDSYNC_ENCRYPTION_KEY_FILE", "")
    return Surroundings(
        folder=folder,
        encryption_key=_key(variables, "AUDSYNC_ENCRYPTION_KEY"),
        new_encryption_key=_key(variables, "AUDSYNC_NEW_ENCRYPTION_KEY"),
        encryption_key_file=folder / Path(key_file).expanduser() if key_file else None,
        platform_secrets={
            platform: {
                name: SecretStr(value)
                for name in credentials.model_fields
                if (value := variables.get(secret_variable(platform, name), ""))
            }
            for platform, credentials in CREDENTIALS.items()
        },
    )


def _key(variables: Mapping[str, str], name: str) -> SecretStr | None:
    key = variables.get(name, "")
    if key and not _is_key(key):
        raise ConfigError(
            f"{name} must be 32 bytes in urlsafe base64; `audsync key generate` prints one",
            details={"variable": name},
        )
    return SecretStr(key) if key else None


def _is_key(text: str) -> bool:
    try:
        padded = text.strip().rstrip("=")
        padded += "=" * (-len(padded) % 4)
        return len(base64.b64decode(padded, altchars=b"-_", validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _contradictions(config: Config) -> Iterator[tuple[Location, str]]:
    """Settings that are fine alone and wrong together: where, and what to do.

    An audience's connection may be one that `connect` saved, which this file knows nothing of.
    """
    defaults, too_often = config.defaults, "must not be below defaults.minimum_every"
    if defaults.every < defaults.minimum_every:
        is_written = "every" in defaults.model_fields_set
        at, text = ("every", too_often) if is_written else ("minimum_every", _ABOVE_DEFAULT)
        yield ("defaults", at), text
    yield from _of_sets(config)
    yield from _of_tables(config)
    for slug, audience in config.audiences.items():
        here = ("audiences", slug)
        if audience.segment not in config.segments:
            where = hint(audience.segment, config.segments)
            yield (*here, "segment"), f"names no segment of this file; {where}"
        if audience.every is not None and audience.every < defaults.minimum_every:
            yield (*here, "every"), too_often


def _of_sets(config: Config) -> Iterator[tuple[Location, str]]:
    """Segments made of others that are not there, or of themselves."""
    for name, segment in config.segments.items():
        for key, others in (("include", segment.include), ("exclude", segment.exclude)):
            for place, other in enumerate(others):
                here = ("segments", name, key, place)
                if other not in config.segments:
                    yield here, f"names no segment of this file; {hint(other, config.segments)}"
                elif name in _made_of(config, other):
                    yield here, f"makes {name} a part of itself: it leads back to it"
        if segment.include and (segment.traits or segment.events):
            yield from _of_its_export(config, name, segment)


def _of_tables(config: Config) -> Iterator[tuple[Location, str]]:
    """Segments that are tables of a cluster which there is not, or parts of others."""
    tables = {
        name for name, each in config.segments.items() if isinstance(each.source, TableSource)
    }
    for name, segment in config.segments.items():
        here = ("segments", name)
        engine = segment.engine or config.engine
        if name in tables and not isinstance(engine, SparkEngineConfig):
            yield (
                (*here, "source"),
                "is a table of a Spark cluster: it needs engine: {kind: spark}, here or at the top",
            )
        for key, others in (("include", segment.include), ("exclude", segment.exclude)):
            for place, other in enumerate(others):
                if other in tables:
                    yield (
                        (*here, key, place),
                        "is a table of a Spark cluster, which can be no part of another segment",
                    )


def _of_its_export(
    config: Config, name: str, segment: SegmentConfig
) -> Iterator[tuple[Location, str]]:
    """What an export of a segment made of others could not write."""
    parts = [
        config.segments[part]
        for other in segment.include
        for part in _made_of(config, other, is_of_excluded=False)
    ]
    known = {trait for part in parts for trait in part.traits}
    for place, trait in enumerate(segment.traits):
        if trait not in known:
            here = ("segments", name, "traits", place)
            yield here, "is a trait of none of the segments that it includes"
    if segment.events and any(each.by is Identity.IDENTIFIER for each in (segment, *parts)):
        yield (
            ("segments", name, "events"),
            "must not be there with `by: identifier`: a profile id is not of one person then",
        )


def _made_of(config: Config, name: str, *, is_of_excluded: bool = True) -> set[str]:
    """The segment and all that it is made of, at whatever depth; maybe only what is included."""
    found: set[str] = set()
    open_ = [name]
    while open_:
        each = open_.pop()
        if each in config.segments and each not in found:
            found.add(each)
            open_ += config.segments[each].include
            open_ += config.segments[each].exclude if is_of_excluded else ()
    return found


def _refusal(path: Path, problems: list[Problem]) -> ConfigError:
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem.line)
    lines = []
    for problem in ordered:
        where = problem.variable or f"{path}:{problem.line}"
        lines.append(": ".join(filter(None, (where, problem.key, problem.text))))
    listed = [
        {
            "line": problem.line or None,
            "key": problem.key,
            "message": problem.text,
            "variable": problem.variable or None,
        }
        for problem in ordered
    ]
    return ConfigError("\n".join(lines), details={"file": str(path), "problems": listed})
