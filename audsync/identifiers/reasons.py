"""Why a value cannot be sent: codes for our Arrow batches, labels for people and JSON."""

from enum import IntEnum


class Reason(IntEnum):
    """The verdict on one cell; a number is never given anew. 0 is the only good one."""

    ACCEPTED = 0
    INVALID_FORMAT = 1
    """It does not have the shape of its kind."""
    PLACEHOLDER = 2
    """Text that stands for "nothing": `null`, `n/a`, `none@none.com`, `0000000000`."""
    TOO_LONG = 3
    """Longer than any real value of its kind."""
    NOT_A_NUMBER = 4
    """phonenumbers finds no phone number in it."""
    INVALID_PHONE = 5
    """A number that phonenumbers does not call valid (or possible, as the policy says)."""
    NO_REGION = 6
    """A number without a country code, and no known country to read it with."""
    ZERO_ID = 7
    """The all-zero advertising id of a device whose owner refused tracking."""
    ALREADY_HASHED = 8
    """A SHA-256 where the platform takes the raw value only."""
    EMPTY_HASH = 9
    """The SHA-256 of the empty string."""
    AMBIGUOUS_DATE = 10
    """A date that reads as two different days, such as 03/04/1990."""
    NOT_SENDABLE = 11
    """A good value of a kind that this audience cannot hold, though its platform can."""

    @property
    def label(self) -> str:
        """The name used in JSON and on screen, such as `not_a_number`."""
        return self.name.lower()
