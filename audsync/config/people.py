"""Who of a segment may be sent: who agreed, and who is kept out so that ads can be measured."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from audsync.config.values import Column, Name, Section, Text
from audsync.domain import Platform


class HoldoutConfig(Section):
    """A share of the people who are kept out of every platform."""

    percent: float = Field(ge=0, lt=100, description="Percent of the people; 0 for nobody.")
    name: Name = Field(
        description="What the draw is called: the same people wherever it is the same."
    )


class ConsentColumns(Section):
    """The columns that say whether a row may be sent, by platform."""

    default: Column | None = Field(
        default=None, description="For every platform without a column of its own; one column."
    )
    meta: Column | None = Field(default=None, description="For Meta; exactly one column.")
    google: Column | None = Field(default=None, description="For Google; exactly one column.")
    tiktok: Column | None = Field(default=None, description="For TikTok; exactly one column.")
    snapchat: Column | None = Field(default=None, description="For Snapchat; exactly one column.")

    @model_validator(mode="after")
    def _leave_no_platform_out(self) -> Self:
        open_ = [platform.value for platform in Platform if self.own(platform) is None]
        if self.default is None and open_:
            raise ValueError(f"must have a column for {', '.join(open_)}, or default")
        return self

    def own(self, platform: Platform) -> str | None:
        """The column of this platform alone, if it has one."""
        column: str | None = getattr(self, str(platform), None)
        return column

    @property
    def for_all(self) -> tuple[str, ...]:
        """The columns that must all agree where nobody says which platform it is for."""
        own = (self.own(platform) for platform in Platform)
        return (self.default,) if self.default else tuple(each for each in own if each)


def _for_all(value: Any) -> Any:  # noqa: ANN401 - as pydantic gives it
    return value if isinstance(value, dict | ConsentColumns) else {"default": value}


def _word(value: str) -> str:
    word = value.strip().lower()
    if not word:
        raise ValueError("must not be blank: an empty cell is never a yes")
    return word


Consent = Annotated[
    ConsentColumns, BeforeValidator(_for_all, json_schema_input_type=Column | ConsentColumns)
]
"""One column for all platforms, or a mapping."""
YesWord = Annotated[Text, AfterValidator(_word)]
"""A word that means yes, in any case."""
