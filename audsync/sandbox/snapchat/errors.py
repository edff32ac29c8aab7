"""Snapchat's refusals, with its own codes and words where they are public.

Shapes and codes: developers.snap.com error pages and answers recorded by other clients, read
2026-11-22. Few codes are published; those that are not are settings.
"""

NOT_AVAILABLE = "We're sorry, but the requested resource is not available at this time"


class RefusedError(Exception):
    """A call, or one element of it, that Snapchat refuses; nothing of it is applied.

    Args:
        message: for developers; no value of the request but names of fields, and counts.
        code: `E` and four digits; "" for the code of an invalid request, which is a setting.
        status: the HTTP status.
        inside: the list in which it is told when the HTTP status is 200; "" for none.
        shown: for people; "" for the same as `message`.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int = 400,
        inside: str = "",
        shown: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.inside = inside
        self.shown = shown or message


class UnauthorisedError(Exception):
    """No good access token: 401, with a header and hardly a body.

    Args:
        description: what the `WWW-Authenticate` header says; "" when no token came.
    """

    def __init__(self, description: str = "") -> None:
        super().__init__(description)
        self.description = description


class ThrottledError(Exception):
    """Too many calls: 429, without any header that says for how long.

    Args:
        body: Snapchat promises none, so it differs with the limit that was met.
    """

    def __init__(self, body: bytes = b"") -> None:
        super().__init__("too many calls")
        self.body = body


def invalid(message: str, *, status: int = 400) -> RefusedError:
    """A request that is not as it must be."""
    return RefusedError(message, status=status)


def no_role() -> RefusedError:
    """The person behind the token lacks the role on the ad account."""
    return RefusedError(
        "Caller does not have permission", code="E3002", status=403, shown=NOT_AVAILABLE
    )


def not_found(*, status: int = 404, inside: str = "") -> RefusedError:
    """An entity that does not exist, or not for this caller."""
    return RefusedError(
        "Entity does not exist or you do not have permission to access it",
        code="E3004",
        status=200 if inside else status,
        inside=inside,
        shown=NOT_AVAILABLE,
    )


def fixed_field(name: str) -> RefusedError:
    """A field that may not change once it is set."""
    return RefusedError(f"The value of {name} cannot be changed", code="E2023")
