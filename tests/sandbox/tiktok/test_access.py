import httpx
import pytest

from tests.sandbox.tiktok.client import ADVERTISER, TikTok, data, refused, slot

LIST = "dmp/custom_audience/list/"
OTHER = "7000000000000000002"
NO_SCOPE = (40001, "No permission: the scope has not been granted to this app.")
REVOKED = (40105, "Access token is incorrect or has been revoked.")


def listed(tiktok: TikTok, **rest: object) -> httpx.Response:
    url = f"{tiktok.base_url}/open_api/v1.3/{LIST}?advertiser_id={ADVERTISER}"
    return tiktok.http.get(url, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path", ["/open_api/v1.3/user/info", "/open_api/v1.3/segment/mapping", "/user/info/", "/"]
)
def test_without_its_last_slash_or_prefix_a_path_is_nothing(either: TikTok, path: str) -> None:
    answer = either.http.get(either.base_url + path)
    assert (answer.status_code, answer.text) == (404, "404 page not found")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_unknown_versions_paths_and_methods(tiktok: TikTok) -> None:
    answer = tiktok.http.get(f"{tiktok.base_url}/open_api/v1.2/user/info/")
    assert refused(answer) == (40006, "The API version does not exist or is no longer supported.")
    answer = tiktok.call("POST", "dmp/custom_audience/rule/create/", json={})
    assert refused(answer) == (40008, "The endpoint is not implemented.")
    answer = tiktok.call("POST", LIST, json={})
    assert (answer.status_code, answer.text) == (405, "405 method not allowed")


def test_a_token_is_taken_from_its_header_only(either: TikTok) -> None:
    del either.http.headers["Access-Token"]
    missing = (
        40104,
        "Access token is null, you should set it in http header with key Access-Token.",
    )
    assert refused(listed(either)) == missing
    assert refused(listed(either, params={"access_token": "sandbox-tiktok-token"})) == missing
    assert refused(listed(either, headers={"Authorization": "Bearer x"})) == missing
    assert refused(listed(either, headers={"Access-Token": "wrong"})) == REVOKED


def test_a_revoked_token_is_refused(tiktok: TikTok) -> None:
    tiktok.configure(tokens=[{"is_revoked": True}])
    assert refused(listed(tiktok)) == REVOKED


def test_scopes_for_reads_and_for_writes(tiktok: TikTok) -> None:
    tiktok.configure(tokens=[{"scopes": [3, 31]}])
    assert refused(listed(tiktok)) == NO_SCOPE
    assert tiktok.create()
    tiktok.configure(tokens=[{"scopes": [3, 30]}])
    assert data(listed(tiktok))["page_info"]["total_number"] == 1
    for path in (
        "segment/audience/",
        "segment/mapping/",
        "dmp/custom_audience/file/upload/",
        "dmp/custom_audience/create/",
        "dmp/custom_audience/update/",
        "dmp/custom_audience/delete/",
    ):
        assert refused(tiktok.post(path)) == NO_SCOPE
    tiktok.configure(tokens=[{"scopes": []}])
    assert data(tiktok.call("GET", "user/info/"))


def test_the_user_tells_who_it_is(either: TikTok) -> None:
    told = data(either.call("GET", "user/info/"))
    assert told["core_user_id"] == "7200000000000000001"
    assert set(told) == {"core_user_id", "display_name", "email", "create_time"}


def test_the_app_tells_who_granted_it_access(tiktok: TikTok) -> None:
    path = "oauth2/advertiser/get/"
    app = {"app_id": "sandbox-app", "secret": "sandbox-secret"}
    tiktok.configure(advertisers=[{}, {"id": OTHER, "name": "Other"}])
    both = [
        {"advertiser_id": ADVERTISER, "advertiser_name": "Sandbox advertiser"},
        {"advertiser_id": OTHER, "advertiser_name": "Other"},
    ]
    assert data(tiktok.call("GET", path, params=app)) == {"list": both}
    tiktok.configure(tokens=[{"advertisers": [OTHER]}])
    assert data(tiktok.call("GET", path, params=app)) == {"list": both[1:]}
    wrong = tiktok.call("GET", path, params={**app, "secret": "no"})
    assert refused(wrong) == (40101, "The app_id or secret is incorrect.")
    missing = tiktok.call("GET", path, params={"app_id": "sandbox-app"})
    assert refused(missing) == (40002, "secret: Missing data for required field.")


def test_advertisers_must_exist_and_have_granted_access(tiktok: TikTok) -> None:
    tiktok.configure(advertisers=[{}, {"id": OTHER}], tokens=[{"advertisers": [ADVERTISER]}])
    unknown, forbidden = (
        (40300, "The advertiser does not exist."),
        (40001, "No permission to operate this advertiser account."),
    )
    assert refused(tiktok.get(LIST, advertiser_id="123")) == unknown
    assert refused(tiktok.get(LIST, advertiser_id=OTHER)) == forbidden
    answer = tiktok.post("segment/audience/", advertiser_id=int(ADVERTISER))
    assert refused(answer) == (40002, "advertiser_id: Not a valid string.")
    answer = tiktok.post("segment/audience/", advertiser_id=None)
    assert refused(answer) == (40002, "advertiser_id: Missing data for required field.")
    assert refused(tiktok.map([], advertiser_ids=[ADVERTISER, "123"])) == unknown
    assert refused(tiktok.map([], advertiser_ids=[OTHER])) == forbidden
    short = (40002, "advertiser_ids: Shorter than minimum length 1.")
    assert refused(tiktok.map([], advertiser_ids=[])) == short


def test_one_mapping_serves_one_business(tiktok: TikTok) -> None:
    tiktok.configure(advertisers=[{}, {"id": OTHER, "business_id": "1"}])
    rows = [[slot("0" * 64, tiktok.create())]]
    answer = tiktok.map(rows, advertiser_ids=[ADVERTISER, OTHER])
    assert refused(answer) == (
        40119,
        "The advertisers do not belong to the same business account.",
    )
    tiktok.configure(advertisers=[{}, {"id": OTHER}])
    assert data(tiktok.map(rows, advertiser_ids=[ADVERTISER, OTHER])) == {}


def test_streaming_may_need_an_allow_list(tiktok: TikTok) -> None:
    tiktok.configure(may_stream=False)
    not_listed = (40118, "The app is not on the allowlist of this API.")
    assert refused(tiktok.post("segment/audience/")) == not_listed
    assert refused(tiktok.map([])) == not_listed


@pytest.mark.parametrize(
    ("content_type", "body", "what"),
    [
        ("text/plain", b"{}", "the content type must be application/json."),
        ("application/json", b"{", "it is not JSON."),
        ("application/json", b"[]", "it must be a JSON object."),
    ],
)
def test_a_body_must_be_a_json_object(
    tiktok: TikTok, content_type: str, body: bytes, what: str
) -> None:
    answer = tiktok.call(
        "POST", "segment/audience/", content=body, headers={"Content-Type": content_type}
    )
    assert refused(answer) == (40000, f"Invalid request body: {what}")


def test_compressed_bodies_are_refused(tiktok: TikTok) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = tiktok.call("POST", "segment/audience/", content=b"{}", headers=headers)
    assert refused(answer)[0] == 40000


def test_unknown_fields_are_refused_when_strict(tiktok: TikTok) -> None:
    answer = tiktok.post("segment/audience/", custom_audience_name="x", id_list=["a"])
    assert refused(answer) == (40002, "id_list: Unknown field.")
    answer = tiktok.get(LIST, order="asc")
    assert refused(answer) == (40002, "order: Unknown field.")
    tiktok.configure(is_strict=False)
    assert tiktok.create(id_list=["a"])


def test_an_answer_carries_a_request_id(tiktok: TikTok) -> None:
    answer = listed(tiktok)
    request_id = answer.json()["request_id"]
    assert request_id.startswith("20261122101500")
    assert len(request_id) >= 30
    assert answer.headers["X-TT-LOGID"] == request_id
    assert listed(tiktok).json()["request_id"] != request_id
