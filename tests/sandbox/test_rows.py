import orjson
import pytest

from tests.sandbox.client import Meta, error_of, hashed

ANNA, BERT = hashed("anna@example.com"), hashed("bert@example.com")
EMPTY_HASH = hashed("")
MADID = "ab1234cd-e123-12fg-j123-4567890abcde".replace("g", "a").replace("j", "b")


def test_the_answer_counts_rows_and_shows_bad_ones(either: Meta) -> None:
    audience = either.create()
    phone = hashed("15550104477")
    rows = [[ANNA, phone], ["bad", ""], ["", phone]]
    answer = either.upload(
        audience,
        ["EMAIL", "PHONE"],
        rows,
        session={"session_id": 77, "batch_seq": 1, "last_batch_flag": True},
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "audience_id": audience,
        "session_id": "77",
        "num_received": 3,
        "num_invalid_entries": 1,
        "invalid_entry_samples": {"1": "bad"},
    }
    assert either.remote(audience).identifiers == {("EMAIL", ANNA), ("PHONE", phone)}


@pytest.mark.parametrize("way", ["form", "json", "json_of_text", "delete_json", "override"])
def test_a_removal_travels_in_many_ways(meta: Meta, way: str) -> None:
    audience = meta.create()
    meta.upload(audience, ["EXTERN_ID"], [["CRM-0042A"], ["other"]])
    payload = {"schema": ["EXTERN_ID"], "is_raw": True, "data": [["CRM-0042A"]]}
    text = orjson.dumps(payload).decode()
    path = f"{audience}/users"
    match way:
        case "form":
            answer = meta.call("DELETE", path, data={"payload": text})
        case "json":
            answer = meta.call("POST", path, json={"payload": payload, "method": "delete"})
        case "json_of_text":
            answer = meta.call("DELETE", path, json={"payload": text})
        case "delete_json":
            answer = meta.call("DELETE", path, json={"payload": payload})
        case _:
            answer = meta.call("POST", f"{path}?method=DELETE", data={"payload": text})
    assert answer.json() == {
        "audience_id": audience,
        "session_id": "0",
        "num_received": 1,
        "num_invalid_entries": 0,
        "invalid_entry_samples": [],
    }
    assert meta.remote(audience).identifiers == {("EXTERN_ID", "other")}


@pytest.mark.parametrize(
    ("schema", "data", "key"),
    [
        ("EMAIL_SHA256", [ANNA, BERT], "EMAIL"),
        ("EMAIL", [[ANNA], [BERT]], "EMAIL"),
        ("PHONE_SHA256", [[ANNA], [BERT]], "PHONE"),
        ("EXTERN_ID", ["a", "b"], "EXTERN_ID"),
        ("UID", ["1", "2"], "UID"),
        (["EMAIL"], [[ANNA], [BERT]], "EMAIL"),
    ],
)
def test_a_schema_is_a_string_or_a_list(
    meta: Meta, schema: object, data: list[object], key: str
) -> None:
    audience = meta.create()
    assert meta.upload(audience, schema, data).json()["num_received"] == 2
    assert {name for name, _ in meta.remote(audience).identifiers} == {key}
    assert len(meta.remote(audience).identifiers) == 2


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (None, "(#100) The parameter payload is required"),
        ("{", "(#100) Param payload must be valid JSON"),
        ("[]", "(#100) Param payload must be a JSON object"),
        ('{"data":[["a"]]}', "(#100) Invalid schema for the user data"),
        ('{"schema":["NAME"],"data":[["a"]]}', "(#100) Invalid schema for the user data"),
        ('{"schema":[],"data":[[]]}', "(#100) Invalid schema for the user data"),
        ('{"schema":"EXTERN_ID"}', "(#100) Param payload[data] must be a non-empty array"),
        (
            '{"schema":"EXTERN_ID","data":[]}',
            "(#100) Param payload[data] must be a non-empty array",
        ),
        (
            '{"schema":["EXTERN_ID"],"data":[{"a":1}]}',
            "(#100) Every row of payload[data] must be an array",
        ),
        (
            '{"schema":["EXTERN_ID","EMAIL"],"data":[["a",""],["b"]]}',
            "(#100) Every row of payload[data] must have as many cells as the schema has keys",
        ),
    ],
)
def test_a_payload_that_cannot_be_read_is_refused(
    meta: Meta, payload: str | None, message: str
) -> None:
    form = {} if payload is None else {"payload": payload}
    answer = meta.call("POST", f"{meta.create()}/users", data=form)
    assert answer.status_code == 400
    assert error_of(answer) == {
        "message": message,
        "type": "OAuthException",
        "code": 100,
        "error_data": {"blame_field_specs": [["payload"]]},
    }


def test_more_than_ten_thousand_rows_are_refused(meta: Meta) -> None:
    audience = meta.create()
    rows = [[str(number)] for number in range(10_001)]
    assert meta.upload(audience, ["EXTERN_ID"], rows[:-1]).json()["num_received"] == 10_000
    answer = meta.upload(audience, ["EXTERN_ID"], rows)
    assert answer.status_code == 400
    assert error_of(answer) == {
        "message": "(#100) Too many rows",
        "type": "OAuthException",
        "code": 100,
    }
    meta.configure(too_many_rows_code=1)
    error = error_of(meta.upload(audience, ["EXTERN_ID"], rows))
    assert (error["code"], error["error_subcode"]) == (1, 99)


@pytest.mark.parametrize(
    ("key", "cell"),
    [
        ("EMAIL", "bad"),
        ("EMAIL", ANNA[:-1]),
        ("EMAIL", f"{ANNA}\n"),
        ("EMAIL", EMPTY_HASH),
        ("EMAIL", None),
        ("EMAIL", 7),
        ("EMAIL", [ANNA]),
        ("FN", "bad"),
        ("FN", EMPTY_HASH),
        ("MADID", "not-a-device"),
        ("MADID", "00000000-0000-0000-0000-000000000000"),
        ("EXTERN_ID", 12),
        ("EXTERN_ID", ""),
        ("EMAIL", ""),
        ("FN", ""),
    ],
)
def test_a_bad_cell_costs_its_row_only(meta: Meta, key: str, cell: object) -> None:
    audience = meta.create()
    good = {"EMAIL": ANNA, "FN": ANNA, "MADID": MADID, "EXTERN_ID": "a"}[key]
    told = meta.upload(audience, [key], [[good], [cell]]).json()
    assert (told["num_received"], told["num_invalid_entries"]) == (2, 1)
    assert told["invalid_entry_samples"] == {"1": cell}


def test_a_row_with_one_bad_cell_brings_nobody_in(meta: Meta) -> None:
    audience = meta.create()
    told = meta.upload(audience, ["EXTERN_ID", "EMAIL"], [["a", "bad"], ["b", ""]]).json()
    assert told["num_invalid_entries"] == 1
    assert meta.remote(audience).identifiers == {("EXTERN_ID", "b")}


def test_at_most_a_hundred_samples_are_shown(meta: Meta) -> None:
    told = meta.upload(meta.create(), ["EMAIL"], [["bad"]] * 150).json()
    assert told["num_invalid_entries"] == 150
    assert len(told["invalid_entry_samples"]) == 100


def test_columns_that_steer_do_not_fill_a_row(meta: Meta) -> None:
    audience = meta.create()
    schema = ["EMAIL", "LOOKALIKE_VALUE", "DATA_PROCESSING_OPTIONS"]
    told = meta.upload(audience, schema, [[ANNA, 12.5, ["LDU"]], ["", 3, []]]).json()
    assert told["invalid_entry_samples"] == {"1": ""}
    assert meta.remote(audience).identifiers == {("EMAIL", ANNA)}


@pytest.mark.parametrize(
    ("kind", "key", "cell"),
    [
        ("raw_email", "EMAIL", "anna@example.com"),
        ("raw_email", "FN", "anna@example.com"),
        ("upper_case_hash", "EMAIL", ANNA.upper()),
        ("raw_phone", "PHONE", "+1 (555) 010-4477"),
        ("hashed_madid", "MADID", ANNA),
    ],
)
@pytest.mark.parametrize("is_strict", [True, False])
def test_a_leak_is_noted_and_refused_when_strict(
    meta: Meta, kind: str, key: str, cell: str, *, is_strict: bool
) -> None:
    audience = meta.create()
    meta.configure(is_strict=is_strict)
    answer = meta.upload(audience, ["EXTERN_ID", key], [["a", cell], ["b", cell]])
    if is_strict:
        assert answer.status_code == 400
        assert error_of(answer)["code"] == 100
        assert error_of(answer)["message"] == f"(#100) Sandbox strict mode: {kind} in column {key}"
    else:
        assert answer.json()["num_invalid_entries"] == 2
    assert meta.remote(audience).identifiers == frozenset()
    violations = meta.http.get(f"{meta.root}/_sandbox/violations")
    (noted,) = violations.json()["violations"]
    assert (noted["kind"], noted["column"], noted["cells"]) == (kind, key, 2)
    assert noted["audience"] == audience
    assert cell not in violations.text


def test_an_empty_hash_is_bad_but_no_leak(meta: Meta) -> None:
    answer = meta.upload(meta.create(), ["EXTERN_ID", "EMAIL"], [["a", EMPTY_HASH]])
    assert answer.json()["num_invalid_entries"] == 1
    assert list(meta.world.journal.violations) == []


def test_an_audience_keeps_to_the_schema_family_of_its_first_rows(meta: Meta) -> None:
    listed, single = meta.create(), meta.create()
    meta.upload(listed, ["EMAIL"], [[ANNA]])
    meta.upload(single, "EMAIL_SHA256", [ANNA])
    error = error_of(meta.upload(listed, "EMAIL_SHA256", [BERT]))
    assert error["code"] == 2650
    assert "error_subcode" not in error
    assert error["message"].endswith(
        "FILE_IMPORTED.MULTI_HASHES, which does not support FILE_IMPORTED.HASHES_OR_USER_IDS"
    )
    assert error_of(meta.upload(single, ["EMAIL"], [[BERT]]))["code"] == 2650


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"Content-Type": "application/json"}, b"{"),
        ({"Content-Type": "application/json"}, b"[]"),
        ({"Content-Type": "text/xml"}, b"<a/>"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"payload=%ff"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    meta: Meta, headers: dict[str, str], content: bytes
) -> None:
    answer = meta.call("POST", f"{meta.create()}/users", headers=headers, content=content)
    assert (answer.status_code, error_of(answer)["code"]) == (400, 100)


def test_escapes_in_forms_are_undone(meta: Meta) -> None:
    audience = meta.create('50%25 "a+b" 张, [x]')
    name = meta.call("GET", audience, params={"fields": "name"}).json()["name"]
    assert name == '50%25 "a+b" 张, [x]'
