"""TikTok's refusals, word for word where its words are known.

Codes: appendix of return codes and the SDK's `tiktok_code.py`, read 2026-11-22. The HTTP status
is 200 for nearly all of them: the client must go by `code`. Texts of fields follow the form that
TikTok uses, `FIELD: what is wrong`, and hold no value of a request.
"""


class RefusedError(Exception):
    """A call that TikTok refuses; nothing of it is applied.

    Args:
        code: TikTok's return code.
        message: its text.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotServedError(Exception):
    """A call that never reaches the API: something in front of it answers with plain text.

    Args:
        status: the HTTP status.
        text: the body.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


_TEXTS = {
    1: "Simulated error",
    40002: "Audience is not editable, please check audience status",
    40100: "Too many requests. Please retry in some time.",
    40104: "Access token is null, you should set it in http header with key Access-Token.",
    40105: "Access token is incorrect or has been revoked.",
    50000: "System error",
    50002: "System timeout",
    60001: "System maintenance, please try again later.",
}


def of_code(code: int) -> RefusedError:
    """Any code, in its usual words if those are known."""
    return RefusedError(code, _TEXTS.get(code, _TEXTS[1]))


def no_such_path() -> NotServedError:
    """Not below the API, or without the slash at the end."""
    return NotServedError(404, "404 page not found")


def wrong_method() -> NotServedError:
    """The path is right, the verb is not."""
    return NotServedError(405, "405 method not allowed")


def version_unknown() -> RefusedError:
    """A version that is not served."""
    return RefusedError(40006, "The API version does not exist or is no longer supported.")


def not_implemented() -> RefusedError:
    """No such endpoint."""
    return RefusedError(40008, "The endpoint is not implemented.")


def token_missing() -> RefusedError:
    """No `Access-Token` header."""
    return of_code(40104)


def token_invalid() -> RefusedError:
    """A token that was never given out, or was taken back."""
    return of_code(40105)


def scope_missing() -> RefusedError:
    """The token is good, but not for this."""
    return RefusedError(40001, "No permission: the scope has not been granted to this app.")


def app_wrong() -> RefusedError:
    """Not this app's id and secret."""
    return RefusedError(40101, "The app_id or secret is incorrect.")


def too_many_calls() -> RefusedError:
    """The app is over its calls of a second or a day."""
    return of_code(40100)


def app_restricted() -> RefusedError:
    """The app went over its calls of a minute, and is shut out for a while."""
    message = "Due to too many requests, requests from App are temporarily restricted."
    return RefusedError(40100, message)


def too_many_calls_for_advertiser() -> RefusedError:
    """One advertiser gets too many calls, from whatever app."""
    return RefusedError(40133, "Too many requests for this advertiser. Please retry later.")


def body_invalid(what: str) -> RefusedError:
    """The body is not what its endpoint reads."""
    return RefusedError(40000, f"Invalid request body: {what}")


def advertiser_unknown() -> RefusedError:
    """No such advertiser."""
    return RefusedError(40300, "The advertiser does not exist.")


def advertiser_forbidden() -> RefusedError:
    """The advertiser did not grant the token access."""
    return RefusedError(40001, "No permission to operate this advertiser account.")


def businesses_differ() -> RefusedError:
    """Advertisers of one mapping call must belong to one business."""
    return RefusedError(40119, "The advertisers do not belong to the same business account.")


def not_allowed_to_stream() -> RefusedError:
    """The app is not on the allow-list of the streaming path."""
    return RefusedError(40118, "The app is not on the allowlist of this API.")


def field(name: str, what: str) -> RefusedError:
    """A field is missing, or its value is not allowed."""
    return RefusedError(40002, f"{name}: {what}")


def missing(name: str) -> RefusedError:
    """A required field is not there."""
    return field(name, "Missing data for required field.")


def too_many_ids(name: str, most: int) -> RefusedError:
    """More ids than one request may name."""
    return RefusedError(40011, f"{name}: Longer than maximum length {most}.")


def too_many_rows(code: int, most: int) -> RefusedError:
    """More rows than one mapping call may hold."""
    return RefusedError(code, f"batch_data: Longer than maximum length {most}.")


def not_hashed(where: str) -> RefusedError:
    """Something that looks like a raw identifier."""
    return RefusedError(40062, f"{where}: PII data is not hashed.")


def audience_limit(most: int) -> RefusedError:
    """The advertiser has as many audiences as it may have."""
    return RefusedError(40002, f"The advertiser has reached its limit of {most} audiences.")


def audience_unknown() -> RefusedError:
    """No such audience, or none of this path."""
    return RefusedError(40007, "The audience does not exist.")


def audience_forbidden() -> RefusedError:
    """Another advertiser's audience."""
    return RefusedError(40001, "No permission to operate this audience.")


def not_editable() -> RefusedError:
    """The audience is being computed, has no size, or has expired."""
    return of_code(40002)


def made_on_other_path(name: str) -> RefusedError:
    """A verb of the file path on a streaming audience, or the other way round."""
    return field(name, "The audience type does not support this operation.")


def signature_wrong() -> RefusedError:
    """The file's MD5 is another one."""
    return RefusedError(40900, "file_signature: Does not match the MD5 of the file.")


def file_unknown() -> RefusedError:
    """No such file of this advertiser."""
    return RefusedError(40905, "The file does not exist.")


def file_empty() -> RefusedError:
    """A file of no bytes."""
    return RefusedError(40906, "The file is empty.")


def file_too_large() -> RefusedError:
    """A file above the limit."""
    return RefusedError(40907, "The file is too large.")


def file_suffix_wrong() -> RefusedError:
    """Neither .csv nor .txt."""
    return RefusedError(40908, "The file type is not supported; use .csv or .txt.")


def calculate_type_wrong() -> RefusedError:
    """An upload of an unknown type."""
    return RefusedError(40909, "calculate_type: Not a supported type.")


def file_expired() -> RefusedError:
    """Uploaded too long ago."""
    return RefusedError(40910, "The file has expired; upload it again.")


def file_content_wrong(what: str) -> RefusedError:
    """The file does not hold what its type says."""
    return RefusedError(40915, f"The file does not meet the specifications: {what}")
