"""Where segments are read and prepared: on this machine, or on a Spark cluster."""

from typing import Annotated, Literal

from pydantic import Field

from audsync.config.values import Place, Secret, Section


class LocalEngineConfig(Section):
    """This machine."""

    kind: Literal["local"] = Field(
        default="local", description="Where segments are read and prepared: local or spark."
    )


class SparkEngineConfig(Section):
    """A Spark cluster, through its Spark Connect server."""

    kind: Literal["spark"] = Field(
        default="spark", description="Where segments are read and prepared: local or spark."
    )
    remote: Secret = Field(
        description="The Spark Connect server: sc://host:15002, with a token where it wants one."
    )
    folder: Place | None = Field(
        default=None,
        description="A folder that executors see under the same path; unset: the state folder.",
    )
    ship: bool = Field(
        default=True,
        description="Whether audsync and its libraries are sent along; false: they are installed"
        " there.",
    )
    compare: bool = Field(
        default=False,
        description="Whether large files are compared there, too: executors see the state folder"
        " under the same path, and may read it.",
    )


EngineConfig = Annotated[LocalEngineConfig | SparkEngineConfig, Field(discriminator="kind")]
