"""Samples that show what a value looks like without saying whose it is."""

import re

_EMAIL = re.compile(r"^([^@])[^@]*@([^@])[^@]*?(\.[^@.]*)?$", re.DOTALL)
_PHONE = re.compile(r"^(\+\d\d)?[\d ().\-/]{5,}(\d\d)$")
_SHOWN_PHONE_CHARS = 20
_HIDDEN = "***"
_TELLING_CHARS = 4
"""Of shorter texts even the first letter says too much."""


def mask(text: str) -> str:
    """A value that nobody can be found by: `j***@e***.com`, `+44********23`, `j***`.

    Digits of a phone number keep their count; of any other text only the first letter stays.
    """
    trimmed = text.strip()
    email = _EMAIL.match(trimmed)
    if email:
        local, domain, ending = email.groups(default="")
        return f"{local}{_HIDDEN}@{domain}{_HIDDEN}{ending}"
    phone = _PHONE.match(trimmed[:_SHOWN_PHONE_CHARS])
    if phone:
        country, end = phone.groups(default="")
        return country + "*" * (len(phone[0]) - len(country) - len(end)) + end
    return (trimmed[:1] if len(trimmed) >= _TELLING_CHARS else "") + _HIDDEN
