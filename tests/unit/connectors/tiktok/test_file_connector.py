"""What leaves the machine on the path of files; the conformance tests judge what comes of it."""

import email
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

import httpx
import pytest

from audsync.connectors.contract import Access, HttpLimits
from audsync.connectors.tiktok import connector as tiktok
from audsync.connectors.tiktok import files
from audsync.connectors.tiktok.file_connector import TiktokFileConnector
from audsync.connectors.tiktok.unmade import unmade
from audsync.domain import RemoteId
from tests.unit.connectors.fakes import FakeClock
from tests.unit.connectors.tiktok.test_files import ID, batch

OK: dict[str, Any] = {"code": 0, "message": "OK", "request_id": "20261122A", "data": {}}
DETAILS = {"audience_id": ID, "name": "vip", "type": "Customer File Audience", "is_valid": True}
READ = {**OK, "data": {"list": [{"audience_details": DETAILS}]}}
FILE = {**OK, "data": {"file_path": "a1b2c3d4e5f60718"}}
MADE = {**OK, "data": {"custom_audience_id": ID}}


def listing(*ids: str) -> dict[str, Any]:
    entries = [
        {"audience_id": one, "name": "vip", "audience_type": "Customer File Audience"}
        for one in ids
    ]
    return {**OK, "data": {"list": entries, "page_info": {"total_page": 1}}}


@dataclass
class Script:
    """Answers in order."""

    answers: list[dict[str, Any]] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.seen.append(request)
        return httpx.Response(200, json=self.answers.pop(0))

    def paths(self) -> list[str]:
        return [
            one.url.path.removeprefix("/open_api/v1.3/dmp/custom_audience") for one in self.seen
        ]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def connector(script: Script) -> Iterator[TiktokFileConnector]:
    access = Access(
        account="7001", credentials={"access_token": "tok1"}, options={"upload": "file"}
    )
    made = tiktok.connect(
        access, clock=FakeClock(), limits=HttpLimits(), transport=httpx.MockTransport(script)
    )
    assert isinstance(made, TiktokFileConnector)
    yield made
    made.close()


def form_of(request: httpx.Request) -> dict[str, Any]:
    """The parts of a multipart body, by name; the file's own name under `filename`."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + request.content).get_payload()
    assert isinstance(parts, list)
    form: dict[str, Any] = {}
    for part in parts:
        assert isinstance(part, Message)
        name = str(part.get_param("name", header="Content-Disposition"))
        form[name] = part.get_payload(decode=True)
        if part.get_filename():
            form["filename"] = part.get_filename()
    return form


def test_a_replace_looks_uploads_and_says_what_it_does(
    connector: TiktokFileConnector, script: Script
) -> None:
    script.answers = [READ, FILE, OK]
    receipt = connector.send(batch())
    assert script.paths() == ["/get/", "/file/upload/", "/update/"]
    _, upload, update = script.seen
    form = form_of(upload)
    assert form["file"] == files.content(batch())
    assert form["file_signature"].decode() == hashlib.md5(form["file"]).hexdigest()
    assert form["advertiser_id"] == b"7001"
    assert form["calculate_type"] == b"MULTIPLE_TYPES"
    assert form["filename"].endswith(".csv")
    assert json.loads(update.content) == {
        "advertiser_id": "7001",
        "custom_audience_id": ID,
        "file_paths": ["a1b2c3d4e5f60718"],
        "action": "REPLACE",
    }
    assert all(one.headers["Access-Token"] == "tok1" for one in script.seen)
    assert not receipt.is_settled
    assert receipt.reference.startswith(f"{ID}.")


def test_an_audience_is_made_with_its_first_members(
    connector: TiktokFileConnector, script: Script
) -> None:
    script.answers = [listing("8")]
    waiting = connector.create("vip", "best customers")
    held = unmade(waiting)
    assert held is not None
    assert (held.name, set(held.before)) == ("vip", {RemoteId("8")})
    script.answers = [listing("8"), FILE, listing("8"), MADE, READ]
    connector.send(batch(audience=waiting))
    assert json.loads(script.seen[4].content) == {
        "advertiser_id": "7001",
        "custom_audience_name": "vip",
        "file_paths": ["a1b2c3d4e5f60718"],
        "calculate_type": "MULTIPLE_TYPES",
    }
    assert connector.describe(waiting).id == ID
    assert script.answers == []


def test_one_that_came_late_is_not_made_again(
    connector: TiktokFileConnector, script: Script
) -> None:
    script.answers = [listing()]
    waiting = connector.create("vip", "")
    script.answers = [listing(), FILE, listing("9"), OK]
    connector.send(batch(audience=waiting))
    assert script.paths()[-1] == "/update/"
    assert json.loads(script.seen[-1].content)["custom_audience_id"] == "9"


def test_what_was_never_made_needs_no_deleting(
    connector: TiktokFileConnector, script: Script
) -> None:
    script.answers = [listing(), listing(), listing("9"), OK]
    waiting = connector.create("vip", "")
    connector.delete(waiting)
    connector.delete(waiting)
    assert script.paths()[-1] == "/delete/"
    assert json.loads(script.seen[-1].content)["custom_audience_ids"] == ["9"]


def test_the_files_of_a_session_go_in_their_order(
    connector: TiktokFileConnector, script: Script
) -> None:
    names = [f"{number:016}" for number in range(1, 4)]
    uploads = [{**OK, "data": {"file_path": name}} for name in names]
    script.answers = [READ, uploads[0], uploads[1], uploads[1], uploads[2], OK]
    for number in (1, 2, 2, 3):
        connector.send(batch(audience=RemoteId(ID), number=number, is_last=number == 3))
    assert json.loads(script.seen[-1].content)["file_paths"] == names
