"""Who of a segment may be sent: those that are kept out so that ads can be measured."""

from pydantic import Field

from audsync.config.values import Name, Section


class HoldoutConfig(Section):
    """A share of the people who are kept out of every platform."""

    percent: float = Field(ge=0, lt=100, description="Percent of the people; 0 for nobody.")
    name: Name = Field(
        description="What the draw is called: the same people wherever it is the same."
    )
