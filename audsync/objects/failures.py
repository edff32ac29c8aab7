"""What a failed request to an object store means, in words that hold no secret.

The library's own words quote answers, in which a store may repeat a key's id or a signature.
"""

import re
from typing import Any

from audsync.errors import LocalError
from audsync.objects.address import Address

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_NOBODY = ("169.254.169.254", "metadata.google", "169.254.170.2", "Credential", "credential")
_ELSEWHERE = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)
_WITHOUT_PLACE = "incorrectly configured region"
"""The library's word for a redirect that leads nowhere, as AWS sends it for other regions."""
_DENIED = frozenset({401, 403})
_NOT_FOUND = 404
_REMEDIES = {
    "the bucket is": "set `region` under `objects`, or AWS_REGION",
    "there is no such": "check its name",
    "there is no": "check the bucket's name, and whose account it is in",
    "no credentials": "set them in the environment, or under `objects` in the file",
    "access": "check the credentials, and their rights to list, read, write and delete there",
    "the store answered": "try again later, or see the store's own status",
    "the store does": "check the network, and `endpoint` under `objects`, then run again",
}
_NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound"})


def changed(address: Address, fault: type[LocalError]) -> LocalError:
    """The error for an object that was replaced or removed while it was read."""
    return fault(
        f"{address} was changed while it was read, so what was read may be a mix of two states;"
        " write to another name, or run again when the export has finished",
        details={"path": str(address)},
    )


def explained(
    error: Exception, address: Address, *, doing: str, fault: type[LocalError]
) -> LocalError:
    """The error for a request that failed.

    Args:
        error: what the library raised.
        address: of the object or prefix.
        doing: `read`, `listed`, `written`, `deleted` or `signed`.
        fault: the group that the caller's callers expect.
    """
    text = str(error)
    status = int(found[1]) if (found := _STATUS.search(text)) else None
    code = found[1] if (found := _CODE.search(text)) else None
    reason, remedy = _meaning(address, text=text, status=status, code=code)
    details: dict[str, Any] = {"path": str(address), "status": status, "code": code}
    return fault(f"{address} cannot be {doing}: {reason}; {remedy}", details=details)


def _meaning(
    address: Address, *, text: str, status: int | None, code: str | None
) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    said = f"{status} {code}" if code else str(status)
    known = (
        (code in _ELSEWHERE or _WITHOUT_PLACE in text, "the bucket is in another region"),
        (code in _NO_BUCKET, f"there is no {address.scheme}://{address.bucket}"),
        (code is None and any(word in text for word in _NOBODY), "no credentials were found"),
        (status in _DENIED, f"access is denied ({said})"),
        (status == _NOT_FOUND, "there is no such object"),
        (status is not None, f"the store answered {said}"),
    )
    reason = next((words for is_it, words in known if is_it), "the store does not answer")
    return reason, next(remedy for begin, remedy in _REMEDIES.items() if reason.startswith(begin))
