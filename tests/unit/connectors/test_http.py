import logging
import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock, IteratorStream

from audsync import steps
from audsync.connectors.contract import HttpLimits, may_have_applied
from audsync.connectors.http import MAX_BODY_BYTES, Answer, ApiClient, Dialect, open_http
from audsync.connectors.replies import Reply, json_object, text_field, wordless
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    RateLimitError,
    UnavailableError,
    UnreachableError,
    ValidationError,
)
from tests.unit.connectors.fakes import FakeClock

URL = "https://ads.test/v1/thing"
ERRORS: dict[str, Callable[[], AudsyncError]] = {
    "throttled": lambda: RateLimitError("slow down"),
    "throttled 5": lambda: RateLimitError("slow down", wait_s=5),
    "throttled 61": lambda: RateLimitError("slow down", wait_s=61),
    "busy": lambda: UnavailableError("busy", wait_s=2),
    "expired": lambda: CredentialsExpiredError("expired", details={"trace_id": "Tr4ce"}),
    "invalid": lambda: ValidationError("no", details={"field": "name"}),
    "gone": lambda: AudienceGoneError("gone"),
    "unknown": lambda: OutcomeUnknownError("eh?", timed_out=False),
}


def decode(reply: Reply) -> dict[str, Any]:
    body = json_object(reply.body)
    if body is None or reply.status >= 300:
        if body and "error" in body:
            error = ERRORS[body["error"]]()
            raise error
        raise wordless(reply, "Adland", FakeClock().now())
    return body


def rest_s(reply: Reply) -> float:
    return float(reply.headers.get("x-rest", 0))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api(clock: FakeClock) -> Iterator[ApiClient]:
    limits = HttpLimits()
    client = ApiClient(
        open_http(limits),
        dialect=Dialect(platform="Adland", decode=decode, rest_s=rest_s),
        limits=limits,
        clock=clock,
        chance=random.Random(1),
    )
    yield client
    client.close()


def read_id(answer: dict[str, Any]) -> str:
    return text_field(answer, "id")


def post(api: ApiClient, *, repeatable: bool = True, method: str = "POST") -> Answer[str]:
    return api.call(httpx.Request(method, URL), repeatable=repeatable, read=read_id)


def failure(api: ApiClient, *, repeatable: bool = True, method: str = "POST") -> AudsyncError:
    with pytest.raises(AudsyncError) as caught:
        post(api, repeatable=repeatable, method=method)
    return caught.value


def answers(httpx_mock: HTTPXMock, *steps: str | Exception | int) -> None:
    """Queue answers: an error's name, an exception on the wire, a bare status, or "ok"."""
    for step in steps:
        if isinstance(step, Exception):
            httpx_mock.add_exception(step)
        elif isinstance(step, int):
            httpx_mock.add_response(step, html="<h1>Sorry</h1>")
        elif step == "ok":
            httpx_mock.add_response(200, json={"id": "1"})
        else:
            httpx_mock.add_response(400, json={"error": step})


def test_a_first_answer_comes_back_without_waiting(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    answers(httpx_mock, "ok")
    assert post(api) == Answer(value="1", unanswered_tries=0)
    assert clock.slept_s == []


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("Name or service not known"),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("full"),
        httpx.ProxyError("407"),
    ],
)
def test_what_never_left_goes_again_even_if_not_repeatable(
    api: ApiClient, httpx_mock: HTTPXMock, error: Exception
) -> None:
    answers(httpx_mock, error, "ok")
    assert post(api, repeatable=False) == Answer(value="1", unanswered_tries=0)


def test_what_cannot_be_reached_ends_within_the_pauses_allowed(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(httpx.ConnectError("refused"), is_reusable=True)
    error = failure(api, repeatable=False)
    assert isinstance(error, UnreachableError)
    assert not may_have_applied(error)
    assert sum(clock.slept_s) <= 60
    assert len(httpx_mock.get_requests()) >= 4


def test_a_rate_limit_waits_as_long_as_the_platform_asks(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    answers(httpx_mock, "throttled 5", "ok")
    assert post(api, repeatable=False).value == "1"
    assert clock.slept_s == [5]


def test_a_wait_longer_than_what_is_left_ends_at_once(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    answers(httpx_mock, "throttled 61")
    error = failure(api)
    assert isinstance(error, RateLimitError)
    assert error.details["retry_after_seconds"] == 61
    assert clock.slept_s == []


def test_a_rate_limit_without_a_time_backs_off_and_names_a_minute(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(400, json={"error": "throttled"}, is_reusable=True)
    error = failure(api)
    assert isinstance(error, RateLimitError)
    assert error.details["retry_after_seconds"] == 60
    assert 20 < sum(clock.slept_s) <= 60
    assert clock.slept_s[0] < clock.slept_s[-1]


@pytest.mark.parametrize(
    "lost",
    [
        httpx.ReadTimeout("silence"),
        httpx.WriteTimeout("stuck"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.RemoteProtocolError("cut"),
        httpx.DecodingError("bad gzip"),
        500,
        502,
        503,
        504,
        200,
        "unknown",
    ],
)
def test_silence_is_met_by_another_try_only_where_that_is_safe(
    api: ApiClient, httpx_mock: HTTPXMock, lost: str | Exception | int
) -> None:
    answers(httpx_mock, lost, "ok", lost)
    assert post(api) == Answer(value="1", unanswered_tries=1)
    error = failure(api, repeatable=False)
    assert isinstance(error, OutcomeUnknownError)
    assert error.details["unanswered_tries"] == 1
    assert len(httpx_mock.get_requests()) == 3


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"null", b"{}", b'{"id": null}', b'{"id": []}']
)
def test_a_success_without_what_was_asked_for_is_no_success(
    api: ApiClient, httpx_mock: HTTPXMock, body: bytes
) -> None:
    httpx_mock.add_response(200, content=body, is_reusable=True)
    error = failure(api)
    assert isinstance(error, OutcomeUnknownError)
    assert error.details["unanswered_tries"] == 3


def test_three_tries_without_an_answer_are_enough(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    answers(httpx_mock, 502, 502, 502)
    error = failure(api)
    assert isinstance(error, OutcomeUnknownError)
    assert error.code == "PLATFORM_UNAVAILABLE"
    assert error.details["retry_after_seconds"] == 300
    assert sum(clock.slept_s) <= 10


def test_a_time_out_is_tried_once_more_only(api: ApiClient, httpx_mock: HTTPXMock) -> None:
    answers(httpx_mock, httpx.ReadTimeout("silence"), httpx.ReadTimeout("silence"))
    error = failure(api)
    assert isinstance(error, OutcomeUnknownError)
    assert error.code == "TIMEOUT"
    assert error.details["unanswered_tries"] == 2


@pytest.mark.parametrize("ending", ["invalid", "throttled 61"])
def test_a_refusal_after_silence_does_not_prove_that_nothing_happened(
    api: ApiClient, httpx_mock: HTTPXMock, ending: str
) -> None:
    answers(httpx_mock, httpx.ReadError("reset"), ending)
    error = failure(api)
    assert isinstance(error, OutcomeUnknownError)
    assert error.details["unanswered_tries"] == 1
    assert error.details["ended_with"] == error.__cause__.code  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("ending", "expected"), [("expired", CredentialsExpiredError), ("gone", AudienceGoneError)]
)
def test_what_a_person_must_mend_is_named_and_still_tells_of_the_silence(
    api: ApiClient, httpx_mock: HTTPXMock, ending: str, expected: type[AudsyncError]
) -> None:
    answers(httpx_mock, httpx.ReadError("reset"), ending)
    error = failure(api)
    assert isinstance(error, expected)
    assert error.details["unanswered_tries"] == 1
    assert may_have_applied(error)


@pytest.mark.parametrize("ending", ["invalid", "expired", "gone"])
def test_a_refusal_is_never_tried_again(api: ApiClient, httpx_mock: HTTPXMock, ending: str) -> None:
    answers(httpx_mock, ending)
    error = failure(api)
    assert type(error) is type(ERRORS[ending]())
    assert not may_have_applied(error)


def test_a_read_that_got_no_answer_changed_nothing(api: ApiClient, httpx_mock: HTTPXMock) -> None:
    answers(httpx_mock, 502, 502, 502)
    error = failure(api, method="GET")
    assert isinstance(error, UnavailableError)
    assert not may_have_applied(error)


def test_an_error_that_settles_by_itself_is_waited_for(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    answers(httpx_mock, "gone", "gone", "ok")
    request = httpx.Request("POST", URL)
    answer = api.call(request, repeatable=True, read=read_id, settling=(AudienceGoneError,))
    assert answer == Answer(value="1", unanswered_tries=0)
    assert len(clock.slept_s) == 2


def test_each_further_try_may_be_another_request(api: ApiClient, httpx_mock: HTTPXMock) -> None:
    answers(httpx_mock, 500, 500, "ok")
    numbers = iter("23")
    api.call(
        httpx.Request("POST", URL, content=b"1"),
        repeatable=True,
        read=read_id,
        renew=lambda: httpx.Request("POST", URL, content=next(numbers).encode()),
    )
    assert [request.content for request in httpx_mock.get_requests()] == [b"1", b"2", b"3"]


def test_a_redirect_is_not_followed(api: ApiClient, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(307, headers={"Location": "https://elsewhere.test/"})
    error = failure(api)
    assert error.code == "CONFIG_ERROR"
    assert len(httpx_mock.get_requests()) == 1


def test_an_answer_without_end_is_cut(api: ApiClient, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(200, content=b" " * (MAX_BODY_BYTES + 1))
    assert isinstance(failure(api, repeatable=False), OutcomeUnknownError)


def test_an_answer_of_a_gigabyte_is_not_read_to_its_end(
    api: ApiClient, httpx_mock: HTTPXMock
) -> None:
    read_bytes = 0

    def gigabyte() -> Iterator[bytes]:
        nonlocal read_bytes
        for _ in range(1 << 14):
            read_bytes += 1 << 16
            yield bytes(1 << 16)

    httpx_mock.add_response(200, stream=IteratorStream(gigabyte()))
    assert isinstance(failure(api, repeatable=False), OutcomeUnknownError)
    assert read_bytes <= MAX_BODY_BYTES + (1 << 16)


def test_an_answer_that_cannot_be_unpacked_is_none(api: ApiClient, httpx_mock: HTTPXMock) -> None:
    packed = IteratorStream([b"{}"])
    httpx_mock.add_response(200, stream=packed, headers={"Content-Encoding": "gzip"})
    error = failure(api, repeatable=False)
    assert isinstance(error, OutcomeUnknownError)
    assert "cannot be read" in error.message


def test_an_answer_that_trickles_is_given_up(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            clock.seconds += 30
            yield b" "

    httpx_mock.add_response(200, stream=IteratorStream(trickle()))
    error = failure(api, repeatable=False)
    assert isinstance(error, OutcomeUnknownError)
    assert clock.seconds < 120


def test_usage_that_is_high_slows_the_next_call_down(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(200, json={"id": "1"}, headers={"x-rest": "20"})
    answers(httpx_mock, "ok")
    post(api)
    assert clock.slept_s == []
    post(api)
    assert clock.slept_s == [20]


def test_usage_that_is_too_high_ends_the_next_call_before_it_is_sent(
    api: ApiClient, clock: FakeClock, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(200, json={"id": "1"}, headers={"x-rest": "600"})
    post(api)
    error = failure(api)
    assert isinstance(error, RateLimitError)
    assert error.wait_s == 600
    assert error.details["retry_after_seconds"] == 600
    assert len(httpx_mock.get_requests()) == 1
    assert clock.slept_s == []


def test_every_try_is_between_two_steps(api: ApiClient, httpx_mock: HTTPXMock) -> None:
    answers(httpx_mock, httpx.ReadError("reset"), "ok")
    met: list[str] = []
    steps.listen(met.append)
    try:
        post(api)
    finally:
        steps.listen(None)
    assert met == ["http: before request", "http: before request", "http: after response"]


def test_no_log_holds_an_address_with_its_parameters(
    api: ApiClient, httpx_mock: HTTPXMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers(httpx_mock, 502, "ok")
    request = httpx.Request("POST", URL, params={"proof": "s3cret"})
    api.call(request, repeatable=True, read=read_id)
    assert "again in" in caplog.text
    assert "s3cret" not in caplog.text


def test_the_platform_sees_who_calls(api: ApiClient, httpx_mock: HTTPXMock) -> None:
    answers(httpx_mock, "ok")
    post(api)
    assert httpx_mock.get_requests()[0].headers["User-Agent"].startswith("audsync/")
