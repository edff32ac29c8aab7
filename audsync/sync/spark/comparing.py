"""What an executor is and answers, beside what this machine is and answers."""

import pickle  # nosec B403
import platform
from dataclasses import dataclass
from pathlib import Path

from audsync.domain import Platform
from audsync.identifiers.kernel import PrepareSpec
from audsync.sync.spark.looking import Look, look
from audsync.sync.spark.session import connect
from audsync.sync.wanted.parts import Cluster

_SPEC = PrepareSpec(platform=Platform.META, region="US")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Of one machine."""

    python: str
    """Such as 3.11.7."""
    footing: str = ""
    row: str = ""
    """What a row of nobody's comes to; "" where it could not be prepared."""
    seen: str = ""
    """What the file holds that was to be opened, or why it could not be."""
    failure: str = ""
    """Why not: the kind of the error, and the module that is missing."""

    @property
    def python_minor(self) -> str:
        """Such as 3.11: what one pickles means nothing to another."""
        return ".".join(self.python.split(".")[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both machines."""

    server: str
    """Version of Spark."""
    here: Answers
    there: Answers


def compare(cluster: Cluster, *, file: Path | None = None) -> Comparison:
    """Prepare one row on both sides, and open `file`, if any.

    Raises:
        ConfigError: Spark's client is not installed.
        SourceError: the server cannot be reached, or no executor runs Python.
    """
    payload = pickle.dumps(Look(spec=_SPEC, file=file))
    session = connect(cluster)
    told = session.ask(payload)
    failure = " ".join(filter(None, (told.get("failure"), told.get("missing"))))
    return Comparison(
        server=session.version,
        here=Answers(python=platform.python_version(), **look(payload)),
        there=Answers(
            python=told["python"],
            footing=told.get("footing", ""),
            row=told.get("row", ""),
            seen=told.get("seen", ""),
            failure=failure,
        ),
    )
