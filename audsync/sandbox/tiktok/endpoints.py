"""Every endpoint that is served: its path and method, what it wants, and who answers.

Also the reading of what a call carries: a query, a JSON object, or a form with a file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from audsync.sandbox.contract import Call
from audsync.sandbox.tiktok import access, customer_files, errors, multipart, reading, streaming
from audsync.sandbox.tiktok.request import Reply, Request
from audsync.sandbox.tiktok.settings import Advertiser, Settings, Token

_PREFIX = "/open_api/"
_VERSION = "v1.3"
_READ, _WRITE = 30, 31

Advertisers = Callable[[Mapping[str, Any], Token, Settings], tuple[Advertiser, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path."""

    method: str
    scope: int | None
    advertisers: Advertisers
    fields: tuple[str, ...]
    handler: Callable[[Request], Reply]
    is_form: bool = False


_ENDPOINTS: Mapping[str, Endpoint] = {
    "user/info/": Endpoint(
        method="GET",
        scope=None,
        advertisers=access.no_advertiser,
        fields=(),
        handler=reading.user,
    ),
    "oauth2/advertiser/get/": Endpoint(
        method="GET",
        scope=None,
        advertisers=access.no_advertiser,
        fields=reading.ADVERTISERS_FIELDS,
        handler=reading.advertisers,
    ),
    "segment/audience/": Endpoint(
        method="POST",
        scope=_WRITE,
        advertisers=access.one_advertiser,
        fields=streaming.AUDIENCE_FIELDS,
        handler=streaming.audience,
    ),
    "segment/mapping/": Endpoint(
        method="POST",
        scope=_WRITE,
        advertisers=access.several_advertisers,
        fields=streaming.MAPPING_FIELDS,
        handler=streaming.mapping,
    ),
    "dmp/custom_audience/file/upload/": Endpoint(
        method="POST",
        scope=_WRITE,
        advertisers=access.one_advertiser,
        fields=customer_files.UPLOAD_FIELDS,
        handler=customer_files.upload,
        is_form=True,
    ),
    "dmp/custom_audience/create/": Endpoint(
        method="POST",
        scope=_WRITE,
        advertisers=access.one_advertiser,
        fields=customer_files.CREATE_FIELDS,
        handler=customer_files.create,
    ),
    "dmp/custom_audience/update/": Endpoint(
        method="POST",
        scope=_WRITE,
        advertisers=access.one_advertiser,
        fields=customer_files.UPDATE_FIELDS,
        handler=customer_files.update,
    ),
    "dmp/custom_audience/delete/": Endpoint(
        method="POST",
        scope=_WRITE,
        advertisers=access.one_advertiser,
        fields=customer_files.DELETE_FIELDS,
        handler=customer_files.delete,
    ),
    "dmp/custom_audience/get/": Endpoint(
        method="GET",
        scope=_READ,
        advertisers=access.one_advertiser,
        fields=reading.GET_FIELDS,
        handler=reading.get,
    ),
    "dmp/custom_audience/list/": Endpoint(
        method="GET",
        scope=_READ,
        advertisers=access.one_advertiser,
        fields=reading.LIST_FIELDS,
        handler=reading.list_all,
    ),
}


def find(call: Call) -> Endpoint:
    """The endpoint that a call is for.

    Raises:
        NotServedError: the path is none of the API, has no slash at its end, or the method is
            wrong.
        RefusedError: the version is not served, or has no such endpoint.
    """
    if not call.path.startswith(_PREFIX) or not call.path.endswith("/"):
        raise errors.no_such_path()
    version, _, name = call.path.removeprefix(_PREFIX).partition("/")
    if version != _VERSION:
        raise errors.version_unknown()
    endpoint = _ENDPOINTS.get(name)
    if endpoint is None:
        raise errors.not_implemented()
    if call.method != endpoint.method:
        raise errors.wrong_method()
    return endpoint


def params(call: Call, endpoint: Endpoint) -> Mapping[str, Any]:
    """What a call says: texts of a query, JSON values, or texts and a `multipart.Part`.

    Raises:
        RefusedError: the body is not of the form that the endpoint reads.
    """
    if endpoint.method == "GET":
        return call.query
    if call.headers.get("content-encoding", "identity") != "identity":
        # Nothing documents compressed requests (2026-11-22), so nobody may count on them.
        raise errors.body_invalid("compressed bodies are not supported.")
    if endpoint.is_form:
        return _form(call)
    content_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise errors.body_invalid("the content type must be application/json.")
    try:
        document = orjson.loads(call.body)
    except orjson.JSONDecodeError as broken:
        raise errors.body_invalid("it is not JSON.") from broken
    if not isinstance(document, dict):
        raise errors.body_invalid("it must be a JSON object.")
    return document


def _form(call: Call) -> dict[str, Any]:
    try:
        parts = multipart.parse(call.headers.get("content-type", ""), call.body)
        given: dict[str, Any] = {
            part.name: part.content.decode() if part.filename is None else part for part in parts
        }
    except multipart.MalformedError as malformed:
        raise errors.body_invalid(f"{malformed}.") from malformed
    except UnicodeDecodeError as broken:
        raise errors.body_invalid("a field is not UTF-8.") from broken
    if len(given) != len(parts):
        raise errors.body_invalid("a field comes twice.")
    return given
