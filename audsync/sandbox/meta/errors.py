"""Meta's refusals, word for word where its words are known.

Codes, subcodes and shapes: Marketing API error reference and the Custom Audience reference
pages, read 2026-11-22. The client must go by `code` and `error_subcode`: HTTP statuses vary.
"""

from collections.abc import Mapping
from typing import Any


class RefusedError(Exception):
    """A call that Meta refuses; nothing of it is applied.

    Args:
        code: Meta's error code.
        message: Meta's text; no value of the request but names of parameters and ids.
        subcode: Meta's finer code.
        status: the HTTP status.
        extra: further fields of the error object, such as `is_transient`.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        subcode: int | None = None,
        status: int = 400,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.status = status
        self.extra = dict(extra or {})

    def body(self, trace: str) -> dict[str, Any]:
        """The answer's JSON."""
        error: dict[str, Any] = {"message": str(self), "type": "OAuthException", "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": {**error, **self.extra, "fbtrace_id": trace}}


_METHOD_ERROR = {"type": "GraphMethodException"}
_NOT_TRANSIENT = {"is_transient": False}


def version_retired(latest: int) -> RefusedError:
    """The path names a version that is not served any more."""
    return RefusedError(
        2635,
        "(#2635) You are calling a deprecated version of the Ads API."
        f" Please update to the latest version: v{latest}.0.",
    )


def unknown_path(path: str) -> RefusedError:
    """The path cannot be parsed: no version, one not released yet, or no such edge."""
    return RefusedError(2500, f"Unknown path components: {path}")


def token_missing() -> RefusedError:
    """No token at all."""
    return RefusedError(104, "An access token is required to request this resource.")


def token_invalid() -> RefusedError:
    """A token that Meta never gave out."""
    return RefusedError(190, "Invalid OAuth access token.", subcode=467, status=401)


def token_expired() -> RefusedError:
    """A token whose time is over."""
    message = "Error validating access token: Session has expired"
    return RefusedError(190, message, subcode=463)


def token_dead(subcode: int) -> RefusedError:
    """A token that stopped working for another reason."""
    message = "Error validating access token: The session has been invalidated"
    return RefusedError(190, message, subcode=subcode)


def proof_missing() -> RefusedError:
    """The app wants every call signed."""
    message = "API calls from the server require an appsecret_proof argument"
    return RefusedError(100, message, extra=_METHOD_ERROR)


def proof_wrong() -> RefusedError:
    """The signature is not that of this token under this app's secret."""
    message = "Invalid appsecret_proof provided in the API argument"
    return RefusedError(100, message, extra=_METHOD_ERROR)


def scope_missing(*, is_write: bool) -> RefusedError:
    """The token is good, but not for this."""
    if is_write:
        message = (
            "(#294) Managing advertisements requires an access token with the extended"
            " permission ads_management"
        )
        return RefusedError(294, message, status=403)
    message = "(#200) Ad account owner has NOT grant ads_management or ads_read permission"
    return RefusedError(200, message, status=403)


def not_visible(method: str, node: str) -> RefusedError:
    """It does not exist, or the token must not know that it does."""
    message = (
        f"Unsupported {method.lower()} request. Object with ID '{node}' does not exist, cannot be"
        " loaded due to missing permissions, or does not support this operation. Please read the"
        " Graph API documentation at https://developers.facebook.com/docs/graph-api"
    )
    return RefusedError(100, message, subcode=33, extra=_METHOD_ERROR)


def terms_for_create(account: str) -> RefusedError:
    """Nobody of the Business accepted the terms yet."""
    message = (
        "(#2663) Terms of service has not been accepted. To accept, go to"
        f" https://business.facebook.com/ads/manage/customaudiences/tos/?act={account}"
    )
    return RefusedError(2663, message)


def terms_for_users(audience: str) -> RefusedError:
    """The same, on the members edges."""
    extra = {
        "is_transient": False,
        "error_user_title": "Terms not accepted",
        "error_user_msg": "Accept the custom audience terms to edit this audience.",
        "error_data": {"blame_field_specs": [["payload"]]},
    }
    message = f"(#200) The current user can not update audience {audience}"
    return RefusedError(200, message, subcode=1870090, status=403, extra=extra)


def no_business() -> RefusedError:
    """The ad account belongs to no Business."""
    message = "(#200) The ad account must be owned by a Business to use customer lists"
    return RefusedError(200, message, subcode=1870050, status=403, extra=_NOT_TRANSIENT)


def no_write_right() -> RefusedError:
    """The token's user may only look at the ad account."""
    message = "(#2654) Failed to create custom audience: no permission to edit this ad account"
    return RefusedError(2654, message, subcode=1713092, extra=_NOT_TRANSIENT)


def too_many_calls() -> RefusedError:
    """The hour's budget of the ad account is used up."""
    message = "(#80003) There have been too many calls to this ad-account."
    return RefusedError(80003, message, subcode=2446079, extra={"is_transient": True})


def not_ready() -> RefusedError:
    """The audience was made seconds ago."""
    message = "(#803) Some of the aliases you requested do not exist: users"
    return RefusedError(803, message, status=404)


def invalid(message: str, *, field: str | None = None) -> RefusedError:
    """A parameter that is not allowed; `field` is the one to blame."""
    blame = {} if field is None else {"error_data": {"blame_field_specs": [[field]]}}
    return RefusedError(100, f"(#100) {message}", extra=blame)


def too_many_rows(code: int) -> RefusedError:
    """More than 10,000 rows. Meta's own code for it is not known: docs/sandbox.md."""
    if code == 1:
        message = "Please reduce the amount of data you're asking for, then retry your request"
        return RefusedError(1, message, subcode=99)
    return invalid("Too many rows")


def flagged() -> RefusedError:
    """The name or description suggests health or financial status."""
    message = "(#100) The audience may break the integrity policy; its members cannot be edited"
    return RefusedError(100, message, subcode=1713230, extra=_NOT_TRANSIENT)


def flagged_unmended() -> RefusedError:
    """An edit that leaves the flagged words in place."""
    message = "(#100) The audience may break the integrity policy; mend its name or description"
    return RefusedError(100, message, subcode=1713231, extra=_NOT_TRANSIENT)


def too_small() -> RefusedError:
    """The removal would leave too few people."""
    message = "(#200) Audience Size too Low"
    return RefusedError(200, message, subcode=1870047, extra=_NOT_TRANSIENT)


def other_schema_family(*, was_list: bool) -> RefusedError:
    """Rows of one schema family for an audience that was filled with the other."""
    multi, single = "FILE_IMPORTED.MULTI_HASHES", "FILE_IMPORTED.HASHES_OR_USER_IDS"
    has, given = (multi, single) if was_list else (single, multi)
    message = f"(#2650) The data source of this audience is {has}, which does not support {given}"
    return RefusedError(2650, message, extra=_NOT_TRANSIENT)


def _replace_problem(subcode: int, message: str) -> RefusedError:
    return RefusedError(2650, message, subcode=subcode, extra=_NOT_TRANSIENT)


def update_in_progress() -> RefusedError:
    """Another replace runs, or its result is still being worked in."""
    return _replace_problem(1870145, "Audience update in progress")


def first_batch_missing() -> RefusedError:
    """A replace that does not begin with batch 1."""
    return _replace_problem(1870147, "Invalid upload batch")


def replace_timed_out() -> RefusedError:
    """A batch for a replace that closed itself after 90 minutes."""
    return _replace_problem(1870158, "Replace session timed out")


def replace_finished() -> RefusedError:
    """A batch for a replace whose last batch was received."""
    return _replace_problem(1870159, "Replace session already finished")
