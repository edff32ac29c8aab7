"""What leaves for each kind of receiver, and what comes of those that misbehave."""

import importlib.util
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from audsync.notify import kinds, sending, shapes, web
from audsync.notify.message import Message
from tests.receiver import Receiver, receiving

MESSAGE = Message(
    body={"event": "failed", "text": "it <failed> & more"},
    title="audsync: a failed",
    text="it <failed> & more",
)

APPRISE = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
"""A module that one of its plugins imports; nothing of ours does."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_a_webhook_gets_the_whole_event(receiver: Receiver) -> None:
    assert sending.send(receiver.url, MESSAGE) == ""
    assert receiver.bodies == [MESSAGE.body]


@pytest.mark.parametrize(
    ("host", "keys"),
    [
        ("hooks.slack.com", {"text"}),
        ("discord.com", {"content", "allowed_mentions"}),
        ("ptb.discord.com", {"content", "allowed_mentions"}),
        ("acme.webhook.office.com", {"type", "attachments"}),
        ("prod-1.westeurope.logic.azure.com", {"type", "attachments"}),
        ("chat.googleapis.com", {"text"}),
        ("hooks.example.com", {"event", "text"}),
        ("nothooks.slack.com.example.com", {"event", "text"}),
        ("evildiscord.com", {"event", "text"}),
    ],
)
def test_a_chat_gets_what_it_takes(host: str, keys: set[str]) -> None:
    assert shapes.body_for(host, MESSAGE).keys() == keys


def test_nobody_is_woken_by_markup_in_a_message() -> None:
    assert shapes.body_for("hooks.slack.com", MESSAGE)["text"] == "it &lt;failed&gt; &amp; more"
    assert shapes.body_for("discord.com", MESSAGE)["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize("status", [301, 400, 404, 410, 429, 500])
def test_any_other_answer_is_a_refusal(receiver: Receiver, status: int) -> None:
    receiver.status = status
    assert sending.send(receiver.url, MESSAGE) == f"answered {status}"


def test_nobody_there() -> None:
    assert "cannot be reached" in sending.send("http://127.0.0.1:9/SECRET", MESSAGE)
    assert "SECRET" not in sending.send("http://127.0.0.1:9/SECRET", MESSAGE)


def test_a_trickle_of_bytes_ends_at_the_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def trickle() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not ended.wait(0.05):
                    peer.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        started = time.monotonic()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert "did not answer" in web.post(url, MESSAGE, timeout_s=0.3)
        assert time.monotonic() - started < 3
        ended.set()
        thread.join()


@APPRISE
def test_other_kinds_go_through_apprise(receiver: Receiver) -> None:
    address = receiver.url.replace("http://", "json://")
    assert sending.problem_with(address) == ""
    assert sending.send(address, MESSAGE) == ""
    (body,) = receiver.bodies
    assert (body["title"], body["message"]) == (MESSAGE.title, MESSAGE.text)
    receiver.status = 500
    assert sending.send(address, MESSAGE) == "did not take it"


@APPRISE
def test_an_address_of_no_kind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sending.send("nonsense://x/SECRET", MESSAGE) == kinds.UNKNOWN
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert "pip install 'audsync[notify]'" in sending.problem_with("mailto://u:p@example.com")
    assert sending.problem_with("https://example.com/x") == ""
