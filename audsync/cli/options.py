"""Arguments and options that several commands share."""

from enum import StrEnum
from typing import Annotated

import typer

AudienceName = Annotated[str, typer.Argument(metavar="AUDIENCE", help="Its slug or UUID.")]
AllowShrink = Annotated[
    bool, typer.Option("--allow-shrink", help="Go on although a guard objects.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


class Every(StrEnum):
    """Time between two syncs."""

    HOUR = "1h"
    SIX_HOURS = "6h"
    TWELVE_HOURS = "12h"
    DAY = "24h"
    WEEK = "168h"

    @property
    def hours(self) -> int:
        """The same in hours."""
        return int(self.value.removesuffix("h"))
