"""What an upload may hold, and what is noted about one that no client may send."""

from typing import Any

import pytest

from tests.sandbox.client import hashed
from tests.sandbox.snapchat.client import DEVICE, MAIL, PHONE, Snapchat, inner, refusal, whole

BOTH = pytest.mark.parametrize("method", ["POST", "DELETE"])
GOOD = hashed("ana.silva@example.org")
EMPTY = hashed("")
ONE_VALUE = "Every row of users[0].data must be a list of one value"
ONE_USER = "users must be a list of exactly one object"
ONE_SCHEMA = "users[0].schema must be a list of one known identifier type"


@BOTH
def test_the_answer_counts_what_came(either: Snapchat, method: str) -> None:
    segment = either.create()
    told = inner(either.upload(segment, MAIL, [GOOD, hashed("b")], method=method), "users")
    assert [each["user"] for each in told] == [{"number_uploaded_users": 2}]


@BOTH
@pytest.mark.parametrize(
    ("users", "message"),
    [
        ({}, ONE_USER),
        ([], ONE_USER),
        (["x"], ONE_USER),
        ([{"schema": [MAIL], "data": [[GOOD]]}] * 2, ONE_USER),
        (
            [{"schema": [MAIL], "data": [[GOOD]], "extra": 1}],
            "users[0] has a field that is not known",
        ),
        ([{"data": [[GOOD]]}], ONE_SCHEMA),
        ([{"schema": MAIL, "data": [[GOOD]]}], ONE_SCHEMA),
        ([{"schema": [], "data": [[GOOD]]}], ONE_SCHEMA),
        ([{"schema": ["EMAIL"], "data": [[GOOD]]}], ONE_SCHEMA),
        ([{"schema": [["EMAIL"]], "data": [[GOOD]]}], ONE_SCHEMA),
        (
            [{"schema": [MAIL, PHONE], "data": [[GOOD, GOOD]]}],
            "users[0].schema must hold exactly one identifier type",
        ),
        ([{"schema": [MAIL]}], "users[0].data must be a non-empty list"),
        ([{"schema": [MAIL], "data": []}], "users[0].data must be a non-empty list"),
        ([{"schema": [MAIL], "data": [GOOD]}], ONE_VALUE),
        ([{"schema": [MAIL], "data": [[GOOD], GOOD]}], ONE_VALUE),
        ([{"schema": [MAIL], "data": [[]]}], ONE_VALUE),
        ([{"schema": [MAIL], "data": [[GOOD, GOOD]]}], ONE_VALUE),
        ([{"schema": [MAIL], "data": [[None]]}], "Every value of users[0].data must be a string"),
        (
            [{"schema": [MAIL], "data": [[GOOD], [hashed("b")], [hashed("c")], [hashed("d")]]}],
            "users[0].data must not hold more than 3 rows",
        ),
        (
            [{"id": "5000000000000009", "schema": [MAIL], "data": [[GOOD]]}],
            "users[0].id is not the segment of the path",
        ),
    ],
)
def test_bodies_of_another_form(snapchat: Snapchat, method: str, users: Any, message: str) -> None:  # noqa: ANN401 - any JSON
    snapchat.configure(max_rows=3)
    segment = snapchat.create()
    assert refusal(snapchat.users(segment, users, method=method)) == whole(message)
    assert snapchat.remote(segment).identifiers == frozenset()


def test_a_body_wrapped_in_another_key(snapchat: Snapchat) -> None:
    body = {"data": {"users": [{"schema": [MAIL], "data": [[GOOD]]}]}}
    answer = snapchat.call("POST", f"segments/{snapchat.create()}/users", json=body)
    assert refusal(answer) == whole("The request body must hold users and nothing else")


def test_the_id_of_the_segment_may_be_there(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    user = {"id": segment, "schema": [MAIL], "data": [[GOOD]]}
    inner(snapchat.users(segment, [user]), "users")
    inner(snapchat.users(segment, [user], method="DELETE"), "users")
    assert snapchat.violations() == {}


def test_several_schemas_in_one_request_are_noted(snapchat: Snapchat) -> None:
    user = {"schema": [MAIL, PHONE], "data": [[GOOD, GOOD]]}
    snapchat.users(snapchat.create(), [user])
    assert snapchat.violations() == {"mixed_schemas": 1}


@BOTH
@pytest.mark.parametrize(
    ("schema", "value", "kind"),
    [
        (MAIL, "ana.silva@example.org", "raw_email"),
        (PHONE, "+55 11 91234-5678", "raw_phone"),
        (PHONE, "5511912345678", "raw_phone"),
        (DEVICE, "aebe52e7-03ee-455a-b3c4-e57283966239", "raw_mobile_id"),
        (MAIL, GOOD.upper(), "upper_case_hash"),
        (MAIL, GOOD[:63], None),
        (MAIL, f"{GOOD}0", None),
        (MAIL, f"{GOOD[:63]}g", None),
        (MAIL, "", None),
        (MAIL, f" {GOOD[:62]} ", None),
    ],
)
def test_values_that_are_no_hashes(
    snapchat: Snapchat, method: str, schema: str, value: str, kind: str | None
) -> None:
    segment = snapchat.create()
    answer = snapchat.upload(segment, schema, [hashed("a"), value, hashed("b")], method=method)
    assert refusal(answer) == whole(
        "1 values of users[0].data are not lower-case SHA-256 hashes, the first one at index 1"
    )
    assert value == "" or value not in answer.text
    assert snapchat.violations() == ({} if kind is None else {kind: 1})
    assert snapchat.remote(segment).identifiers == frozenset()


def test_violations_say_where_and_how_many_and_never_what(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    snapchat.upload(segment, MAIL, ["ana@example.org", "omar@example.org", hashed("c")])
    (noted,) = snapchat.http.get(f"{snapchat.root}/_sandbox/violations").json()["violations"]
    assert noted.pop("at") > 0
    assert noted == {
        "kind": "raw_email",
        "platform": "snapchat",
        "audience": segment,
        "column": MAIL,
        "cells": 2,
    }


def test_without_strictness_bad_values_are_taken_and_match_nobody(snapchat: Snapchat) -> None:
    snapchat.configure(is_strict=False)
    segment = snapchat.create()
    answer = snapchat.upload(segment, MAIL, [GOOD, "ana@example.org", hashed("b").upper()])
    (told,) = inner(answer, "users")
    assert told["user"]["number_uploaded_users"] == 3
    assert snapchat.remote(segment).identifiers == {(MAIL, GOOD)}
    assert snapchat.violations() == {"raw_email": 1, "upper_case_hash": 1}


def test_upper_case_may_mean_the_same(snapchat: Snapchat) -> None:
    snapchat.configure(is_strict=False, upper_case_matches=True)
    segment = snapchat.create()
    inner(snapchat.upload(segment, MAIL, [GOOD.upper()]), "users")
    assert snapchat.remote(segment).identifiers == {(MAIL, GOOD)}
    assert snapchat.violations() == {"upper_case_hash": 1}


def test_what_is_taken_but_never_right_is_noted(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    inner(snapchat.upload(segment, MAIL, [GOOD, EMPTY, GOOD, GOOD]), "users")
    assert snapchat.violations() == {"repeated_value": 2, "empty_hash": 1}
    assert snapchat.remote(segment).identifiers == {(MAIL, GOOD), (MAIL, EMPTY)}


def test_a_segment_may_be_held_to_one_kind(snapchat: Snapchat) -> None:
    snapchat.configure(one_schema_per_segment=True)
    segment = snapchat.create()
    inner(snapchat.upload(segment, MAIL, [GOOD]), "users")
    message = "The segment holds another identifier type"
    assert refusal(snapchat.upload(segment, PHONE, [GOOD])) == whole(message)
    inner(snapchat.upload(segment, MAIL, [hashed("b")]), "users")


def test_a_new_segment_may_hide_for_some_calls(snapchat: Snapchat) -> None:
    snapchat.configure(unready_calls=2)
    segment = snapchat.create()
    assert snapchat.read(segment)["id"] == segment
    answers = [snapchat.upload(segment, MAIL, [GOOD]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 200]


def test_a_full_request_is_taken_over_a_socket(served: Snapchat) -> None:
    segment = served.create()
    values = [hashed(f"{number}") for number in range(100_000)]
    served.http.timeout = 30
    (told,) = inner(served.upload(segment, MAIL, values), "users")
    assert told["user"]["number_uploaded_users"] == 100_000
    (remote,) = served.world.remotes("snapchat", with_persons=False)
    assert len(remote.identifiers) == 100_000
    inner(served.upload(segment, MAIL, values[1:], method="DELETE"), "users")
    assert served.remote(segment).identifiers == {(MAIL, values[0])}
