from typing import Any

import httpx
import pytest

from tests.sandbox.client import Meta, error_of

HOUR = 3600


def session(number: int, *, last: bool = False, of: int = 7) -> dict[str, Any]:
    return {"session_id": of, "batch_seq": number, "last_batch_flag": last}


def send(
    meta: Meta,
    audience: str,
    value: str,
    *,
    session: dict[str, Any] | None = None,
    method: str = "POST",
) -> httpx.Response:
    return meta.upload(audience, ["EXTERN_ID"], [[value]], session=session, method=method)


def test_a_session_counts_over_its_batches(meta: Meta) -> None:
    audience = meta.create()
    assert send(meta, audience, "a", session=session(1)).json()["num_received"] == 1
    assert send(meta, audience, "b", session=session(2, last=True)).json()["num_received"] == 2
    told = meta.call("GET", f"{audience}/sessions", params={"session_id": "7"}).json()["data"]
    assert len(told) == 1
    assert (told[0]["session_id"], told[0]["num_received"], told[0]["progress"]) == (
        "7",
        "2",
        "100",
    )
    other = meta.call("GET", f"{audience}/sessions", params={"session_id": "8"}).json()
    assert other == {"data": []}


@pytest.mark.parametrize("numbers", [(2,), (1, 1), (1, 3)])
def test_batches_of_a_session_come_in_order(meta: Meta, numbers: tuple[int, ...]) -> None:
    audience = meta.create()
    *good, wrong = numbers
    for number in good:
        assert send(meta, audience, "a", session=session(number)).status_code == 200
    answer = send(meta, audience, "b", session=session(wrong))
    assert (answer.status_code, error_of(answer)["code"]) == (400, 100)


def test_a_repeated_batch_can_be_tolerated(meta: Meta) -> None:
    meta.configure(tolerates_repeated_batches=True)
    audience = meta.create()
    for number in (1, 1, 2, 2):
        answer = send(meta, audience, "a", session=session(number, last=number == 2))
        assert answer.status_code == 200


def test_a_closed_session_takes_no_more(meta: Meta) -> None:
    audience = meta.create()
    send(meta, audience, "a", session=session(1, last=True))
    assert error_of(send(meta, audience, "a", session=session(2)))["code"] == 100
    send(meta, audience, "a", session=session(1, of=8))
    meta.world.advance(1.5 * HOUR + 1)
    assert error_of(send(meta, audience, "a", session=session(2, of=8)))["code"] == 100


def test_a_session_belongs_to_one_audience_one_way_and_one_schema(meta: Meta) -> None:
    audience, other = meta.create(), meta.create()
    send(meta, audience, "a", session=session(1))
    assert error_of(send(meta, other, "a", session=session(2)))["code"] == 100
    removed = send(meta, audience, "a", session=session(2), method="DELETE")
    assert error_of(removed)["code"] == 100
    answer = meta.upload(audience, ["EXTERN_ID", "EMAIL"], [["a", ""]], session=session(2))
    assert (
        error_of(answer)["message"] == "(#100) Every batch of a session must have the same schema"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"batch_seq": 1, "last_batch_flag": True},
        {"session_id": 0, "batch_seq": 1, "last_batch_flag": True},
        {"session_id": 2**63, "batch_seq": 1, "last_batch_flag": True},
        {"session_id": True, "batch_seq": 1, "last_batch_flag": True},
        {"session_id": 7, "last_batch_flag": True},
        {"session_id": 7, "batch_seq": 0, "last_batch_flag": True},
        {"session_id": 7, "batch_seq": 1},
    ],
)
def test_a_session_must_be_complete(meta: Meta, given: dict[str, Any]) -> None:
    answer = send(meta, meta.create(), "a", session=given)
    assert error_of(answer)["error_data"] == {"blame_field_specs": [["session"]]}


def test_a_session_id_may_be_text(meta: Meta) -> None:
    given = {"session_id": "7214580011", "batch_seq": 1, "last_batch_flag": True}
    assert send(meta, meta.create(), "a", session=given).json()["session_id"] == "7214580011"


class TestReplace:
    def put(
        self, meta: Meta, audience: str, values: list[str], of: dict[str, Any] | None
    ) -> httpx.Response:
        rows = [[value] for value in values]
        return meta.upload(audience, ["EXTERN_ID"], rows, edge="usersreplace", session=of)

    def status(self, meta: Meta, audience: str) -> int:
        told = meta.call("GET", audience, params={"fields": "operation_status"}).json()
        return int(told["operation_status"]["code"])

    def members(self, meta: Meta, audience: str) -> set[str]:
        return {value for _, value in meta.remote(audience).identifiers}

    def refused(self, answer: httpx.Response, subcode: int, message: str) -> None:
        assert answer.status_code == 400
        assert error_of(answer) == {
            "message": message,
            "type": "OAuthException",
            "code": 2650,
            "error_subcode": subcode,
            "is_transient": False,
        }

    def test_members_change_all_at_once_at_the_end(self, either: Meta) -> None:
        audience = either.create()
        either.upload(audience, ["EXTERN_ID"], [["old"], ["both"]])
        first = self.put(either, audience, ["both"], session(1))
        assert first.json() == {
            "account_id": "1001",
            "audience_id": audience,
            "session_id": "7",
            "num_received": 1,
            "num_invalid_entries": 0,
            "invalid_entry_samples": [],
        }
        assert self.status(either, audience) == 414
        assert self.members(either, audience) == {"old", "both"}
        assert self.put(either, audience, ["new"], session(2, last=True)).status_code == 200
        assert self.members(either, audience) == {"both", "new"}
        assert self.status(either, audience) == 441
        either.world.advance(10)
        assert self.status(either, audience) == 200

    def test_batches_may_come_in_any_order_and_twice(self, meta: Meta) -> None:
        audience = meta.create()
        for number in (1, 3, 3, 2):
            answer = self.put(meta, audience, [str(number)], session(number))
            assert answer.status_code == 200
        answer = self.put(meta, audience, ["4"], session(4, last=True))
        assert answer.json()["num_received"] == 4
        assert self.members(meta, audience) == {"1", "2", "3", "4"}

    def test_it_needs_a_session(self, meta: Meta) -> None:
        answer = self.put(meta, meta.create(), ["a"], None)
        assert error_of(answer)["message"] == "(#100) The parameter session is required"

    def test_it_begins_with_batch_one(self, meta: Meta) -> None:
        answer = self.put(meta, meta.create(), ["a"], session(2))
        self.refused(answer, 1870147, "Invalid upload batch")

    def test_one_at_a_time(self, meta: Meta) -> None:
        audience = meta.create()
        self.put(meta, audience, ["a"], session(1))
        busy = "Audience update in progress"
        self.refused(self.put(meta, audience, ["b"], session(1, of=8)), 1870145, busy)
        self.refused(send(meta, audience, "b"), 1870145, busy)
        self.refused(send(meta, audience, "b", method="DELETE"), 1870145, busy)

    def test_not_while_the_last_one_is_worked_in(self, meta: Meta) -> None:
        audience = meta.create()
        self.put(meta, audience, ["a"], session(1, last=True))
        again = self.put(meta, audience, ["a"], session(1, of=8))
        self.refused(again, 1870145, "Audience update in progress")
        assert send(meta, audience, "b").status_code == 200
        meta.world.advance(10)
        assert self.put(meta, audience, ["c"], session(1, of=8, last=True)).status_code == 200
        assert self.members(meta, audience) == {"c"}

    def test_after_the_last_batch_it_is_over(self, meta: Meta) -> None:
        audience = meta.create()
        self.put(meta, audience, ["a"], session(1, last=True))
        answer = self.put(meta, audience, ["b"], session(2))
        self.refused(answer, 1870159, "Replace session already finished")

    def test_after_ninety_minutes_it_closes_half_done(self, meta: Meta) -> None:
        audience = meta.create()
        meta.upload(audience, ["EXTERN_ID"], [["old"]])
        self.put(meta, audience, ["a"], session(1))
        meta.world.advance(1.5 * HOUR - 30)
        assert self.status(meta, audience) == 414
        meta.world.advance(31)
        answer = self.put(meta, audience, ["b"], session(2, last=True))
        self.refused(answer, 1870158, "Replace session timed out")
        assert self.members(meta, audience) == {"a"}

    def test_an_open_one_can_be_ended_with_one_more_row(self, meta: Meta) -> None:
        audience = meta.create()
        self.put(meta, audience, ["a"], session(1))
        assert self.put(meta, audience, ["a"], session(2, last=True)).status_code == 200
        assert self.members(meta, audience) == {"a"}

    def test_a_used_session_id_is_refused(self, meta: Meta) -> None:
        audience, other = meta.create(), meta.create()
        send(meta, audience, "a", session=session(1, last=True))
        assert error_of(self.put(meta, other, ["a"], session(1)))["code"] == 100

    def test_the_schema_stays(self, meta: Meta) -> None:
        audience = meta.create()
        self.put(meta, audience, ["a"], session(1))
        answer = meta.upload(
            audience,
            ["EXTERN_ID", "EMAIL"],
            [["a", ""]],
            edge="usersreplace",
            session=session(2),
        )
        assert error_of(answer)["code"] == 100
