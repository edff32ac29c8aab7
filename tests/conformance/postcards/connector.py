"""The connector of a platform that does not exist: its whole folder, in one file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx
import orjson

from audsync.clock import Clock
from audsync.connectors import encode
from audsync.connectors.contract import (
    Access,
    BaseConnector,
    CallLimit,
    Connector,
    HttpLimits,
    Replacing,
    Spec,
)
from audsync.connectors.encode import Column
from audsync.connectors.http import Answer, ApiClient, Dialect, open_http
from audsync.connectors.replies import (
    Reply,
    count_field,
    json_object,
    text_field,
    unusable,
    wordless,
)
from audsync.domain import Action, Kind, Platform, Receipt, RemoteAudience, RemoteId, UploadBatch
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    CredentialsError,
    OutcomeUnknownError,
    ValidationError,
)

T = TypeVar("T")

_MEANINGS: Mapping[str, tuple[type[AudsyncError], str]] = {
    "key": (CredentialsError, "Postcards does not know the key. Check credentials.key."),
    "gone": (AudienceGoneError, "Postcards has no such list. Recreate it, or unlink it."),
    "too_many": (ValidationError, "The request has too many rows for Postcards."),
    "invalid": (ValidationError, "Postcards calls a value invalid."),
}
_VALUES = {
    Column(Kind.EMAIL, is_hashed=True): '"email":"%s"',
    Column(Kind.PHONE, is_hashed=True): '"phone":"%s"',
}


def spec(_options: Mapping[str, object]) -> Spec:
    """Its ways do not depend on a connection's options."""
    return Spec(
        platform=Platform("postcards"),
        api_version="",
        accepts=(Kind.EMAIL, Kind.PHONE),
        max_batch_rows=1_000,
        takes_person_rows=True,
        replaces_by=Replacing.SUCCESSOR,
        has_unique_names=False,
        max_name_chars=50,
        minimum_size=5,
        call_limits=(CallLimit(calls=10, window_s=1, scope="account"),),
        seconds_per_call=0.1,
        source="made up, 2026-11-22",
        base_url="https://postcards.example",
    )


def connect(
    access: Access,
    *,
    clock: Clock,
    limits: HttpLimits,
    transport: httpx.BaseTransport | None = None,
) -> Connector:
    """A connector for one office; `registry.connect` calls it."""
    dialect = Dialect(
        platform="Postcards",
        decode=lambda reply: _decoded(reply, clock),
        rest_s=lambda _reply: 0.0,
    )
    api = ApiClient(open_http(limits, transport), dialect=dialect, limits=limits, clock=clock)
    return PostcardsConnector(api, access)


class PostcardsConnector(BaseConnector):
    """One office."""

    def __init__(self, api: ApiClient, access: Access) -> None:
        self.spec = spec({})
        self._api = api
        self._base_url = access.base_url or self.spec.base_url
        self._headers = {"X-Key": access.credentials["key"]}

    def check_access(self) -> None:
        self.find("")

    def find(self, name: str) -> Sequence[RemoteId]:
        def read(answer: dict[str, Any]) -> Sequence[RemoteId]:
            lists = answer.get("lists")
            if not isinstance(lists, list):
                raise unusable("lists")
            return [_id(one) for one in lists if one.get("name") == name]

        return self._call("GET", "/lists", read=read).value

    def create(self, name: str, description: str) -> RemoteId:
        del description  # it keeps none
        body = orjson.dumps({"name": name})
        return self._call("POST", "/lists", body=body, repeatable=False, read=_id).value

    def describe(self, audience: RemoteId) -> RemoteAudience:
        def read(answer: dict[str, Any]) -> RemoteAudience:
            size = count_field(answer, "size")
            name = text_field(answer, "name")
            return RemoteAudience(id=_id(answer), name=name, size_lower=size, size_upper=size)

        return self._call("GET", f"/lists/{audience}", read=read).value

    def send(self, batch: UploadBatch) -> Receipt:
        body = encode.entries(batch.members, _VALUES, entry="{%s}", before='{"rows":', after="}")
        method = "DELETE" if batch.action is Action.REMOVE else "POST"
        answer = self._call(
            method,
            f"/lists/{batch.audience}/members",
            body=body,
            read=lambda answer: count_field(answer, "taken"),
        )
        return Receipt(
            received_rows=answer.value,
            rejected_rows=batch.rows - answer.value,
            reference=f"{batch.session}/{batch.number}",
            unanswered_tries=answer.unanswered_tries,
        )

    def delete(self, audience: RemoteId) -> None:
        try:
            self._call("DELETE", f"/lists/{audience}", read=lambda _answer: None)
        except AudienceGoneError:
            return

    def close(self) -> None:
        self._api.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        repeatable: bool = True,
        read: Callable[[dict[str, Any]], T],
    ) -> Answer[T]:
        request = httpx.Request(method, self._base_url + path, headers=self._headers, content=body)
        return self._api.call(request, repeatable=repeatable, read=read)


def _id(answer: Mapping[str, Any]) -> RemoteId:
    return RemoteId(text_field(answer, "id"))


def _decoded(reply: Reply, clock: Clock) -> dict[str, Any]:
    body = json_object(reply.body)
    word = (body or {}).get("error")
    if isinstance(word, str):
        kind, message = _MEANINGS.get(word, (OutcomeUnknownError, "Postcards failed."))
        raise kind(message, details={"platform": "postcards", "where": "platform"})
    if body is None or reply.status >= 300:
        raise wordless(reply, "Postcards", clock.now())
    return body
