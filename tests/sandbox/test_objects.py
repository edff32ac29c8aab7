import pytest

from tests.sandbox.client import Meta, error_of

ALL_FIELDS = (
    "id,name,account_id,subtype,description,customer_file_source,retention_days,"
    "approximate_count_lower_bound,approximate_count_upper_bound,operation_status,"
    "delivery_status,time_created,time_updated,time_content_updated"
)
GOOD = {"name": "x", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}


def test_create_answers_an_id_and_read_tells_it_all(either: Meta) -> None:
    audience = either.create("VIP", description="ours", retention_days="30")
    assert audience == "120230000000000001"
    told = either.call("GET", audience, params={"fields": ALL_FIELDS}).json()
    created = told.pop("time_created")
    assert told.pop("time_updated") == created
    assert told == {
        "id": audience,
        "name": "VIP",
        "account_id": "1001",
        "subtype": "CUSTOM",
        "description": "ours",
        "customer_file_source": "USER_PROVIDED_ONLY",
        "retention_days": 30,
        "operation_status": {"code": 200, "description": "Normal"},
        "delivery_status": {
            "code": 300,
            "description": "This audience is too small to be used.",
        },
    }


def test_create_takes_a_json_body(meta: Meta) -> None:
    answer = meta.call("POST", "act_1001/customaudiences", json={**GOOD, "retention_days": 180})
    assert answer.json() == {"id": "120230000000000001"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("name", "  "),
        ("name", None),
        ("subtype", "WEBSITE"),
        ("subtype", None),
        ("customer_file_source", "BOUGHT"),
        ("customer_file_source", None),
        ("retention_days", 0),
        ("retention_days", 181),
        ("retention_days", "soon"),
        ("audience_labels", ["NICE"]),
    ],
)
def test_create_refuses_what_is_not_allowed(meta: Meta, name: str, value: object) -> None:
    body = {key: each for key, each in {**GOOD, name: value}.items() if each is not None}
    answer = meta.call("POST", "act_1001/customaudiences", json=body)
    assert answer.status_code == 400
    error = error_of(answer)
    assert (error["type"], error["code"]) == ("OAuthException", 100)
    assert error["error_data"] == {"blame_field_specs": [[name]]}
    assert meta.world.remotes("meta") == []


def test_names_are_not_unique_but_fetch_or_create_finds_the_same(meta: Meta) -> None:
    first, second = meta.create("a"), meta.create("a")
    assert first != second
    assert meta.create("a", enable_fetch_or_create="true") == first
    assert meta.create("b", enable_fetch_or_create="true") not in (first, second)
    assert len(meta.world.remotes("meta")) == 3


def test_an_account_holds_only_so_many_audiences(meta: Meta) -> None:
    meta.configure(max_audiences=2)
    meta.create()
    meta.create()
    answer = meta.call("POST", "act_1001/customaudiences", data=GOOD)
    assert (answer.status_code, error_of(answer)["code"]) == (400, 100)
    assert len(meta.world.remotes("meta")) == 2


def test_a_new_audience_may_not_be_ready(meta: Meta) -> None:
    meta.configure(unready_calls=2)
    audience = meta.create()
    for _ in range(2):
        answer = meta.upload(audience, ["EXTERN_ID"], [["a"]])
        assert answer.status_code == 404
        assert error_of(answer) == {
            "message": "(#803) Some of the aliases you requested do not exist: users",
            "type": "OAuthException",
            "code": 803,
        }
    assert meta.upload(audience, ["EXTERN_ID"], [["a"]]).status_code == 200


def test_the_old_count_field_does_not_exist(meta: Meta) -> None:
    answer = meta.call("GET", meta.create(), params={"fields": "id,approximate_count"})
    assert answer.status_code == 400
    assert error_of(answer)["code"] == 100
    assert "Tried accessing nonexisting field (approximate_count)" in error_of(answer)["message"]


def test_update_changes_name_and_description(meta: Meta) -> None:
    audience = meta.create("old")
    answer = meta.call("POST", audience, data={"name": "new", "description": "d"})
    assert answer.json() == {"success": True}
    told = meta.call("GET", audience, params={"fields": "name,description"}).json()
    assert (told["name"], told["description"]) == ("new", "d")
    assert error_of(meta.call("POST", audience, data={"name": ""}))["code"] == 100


def test_a_deleted_audience_does_not_exist(either: Meta) -> None:
    audience = either.create()
    assert either.call("DELETE", audience).json() == {"success": True}
    for answer in (either.call("GET", audience), either.call("DELETE", audience)):
        assert answer.status_code == 400
        assert (error_of(answer)["code"], error_of(answer)["error_subcode"]) == (100, 33)


def test_the_list_comes_in_pages_newest_first(either: Meta) -> None:
    made = [either.create(f"a{number}") for number in range(5)]
    answer = either.call("GET", "act_1001/customaudiences", params={"fields": "name", "limit": 2})
    seen = []
    while True:
        page = answer.json()
        seen += [each["id"] for each in page["data"]]
        assert page["paging"]["cursors"]["after"] == page["data"][-1]["id"]
        if "next" not in page["paging"]:
            break
        assert page["paging"]["next"].startswith(f"{either.base_url}/v26.0/act_1001/")
        answer = either.http.get(page["paging"]["next"])
    assert seen == made[::-1]
    assert page["data"][0]["name"] == "a0"


def test_an_empty_list_has_no_pages(meta: Meta) -> None:
    assert meta.call("GET", "act_1001/customaudiences").json() == {"data": []}


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "many"}, {"after": "nowhere"}])
def test_the_list_refuses_wrong_paging(meta: Meta, params: dict[str, str]) -> None:
    meta.create()
    answer = meta.call("GET", "act_1001/customaudiences", params=params)
    assert error_of(answer)["code"] == 100


def test_a_suspicious_name_blocks_the_members(meta: Meta) -> None:
    audience = meta.create("diabetes_2026")
    told = meta.call("GET", audience, params={"fields": "operation_status"}).json()
    assert told["operation_status"]["code"] == 471
    error = error_of(meta.upload(audience, ["EXTERN_ID"], [["a"]]))
    assert (error["code"], error["error_subcode"]) == (100, 1713230)
    error = error_of(meta.call("POST", audience, data={"description": "x"}))
    assert (error["code"], error["error_subcode"]) == (100, 1713231)
    assert meta.call("POST", audience, data={"name": "segment 7"}).json() == {"success": True}
    assert meta.upload(audience, ["EXTERN_ID"], [["a"]]).status_code == 200


def test_a_url_that_is_too_long_is_refused(meta: Meta) -> None:
    answer = meta.call("DELETE", f"{meta.create()}/users", params={"payload": "x" * 20_000})
    assert answer.status_code == 414
