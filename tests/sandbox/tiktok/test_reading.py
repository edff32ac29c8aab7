import orjson
import pytest

from tests.sandbox.tiktok.client import ADVERTISER, TikTok, data, hashed, refused

GET, LIST = "dmp/custom_audience/get/", "dmp/custom_audience/list/"


def as_json(*values: object) -> str:
    return orjson.dumps(values).decode()


def test_the_list_comes_in_pages_newest_first(either: TikTok) -> None:
    made = [either.create(f"audience {number}") for number in range(12)]
    first = data(either.get(LIST))
    assert [each["audience_id"] for each in first["list"]] == made[:1:-1]
    info = {"page": 1, "page_size": 10, "total_number": 12, "total_page": 2}
    assert first["page_info"] == info
    second = data(either.get(LIST, page="2"))
    assert [each["audience_id"] for each in second["list"]] == made[1::-1]
    assert data(either.get(LIST, page="3"))["list"] == []
    assert len(data(either.get(LIST, page_size="100"))["list"]) == 12


def test_the_list_names_the_kind_otherwise_than_get(tiktok: TikTok) -> None:
    made = tiktok.create()
    (listed,) = data(tiktok.get(LIST))["list"]
    assert listed.pop("audience_type") == "Partner"
    details = tiktok.details(made)
    assert details.pop("type") == "Partner"
    assert listed == details


def test_the_list_can_be_asked_for_some(tiktok: TikTok) -> None:
    made = [tiktok.create() for _ in range(3)]
    answer = data(tiktok.get(LIST, custom_audience_ids=as_json(made[1], "123")))
    assert [each["audience_id"] for each in answer["list"]] == made[1:2]
    assert answer["page_info"]["total_number"] == 1


def test_an_empty_list(tiktok: TikTok) -> None:
    info = {"page": 1, "page_size": 10, "total_number": 0, "total_page": 0}
    assert data(tiktok.get(LIST)) == {"list": [], "page_info": info}


def test_get_leaves_out_what_is_not_there(tiktok: TikTok) -> None:
    tiktok.configure(advertisers=[{}, {"id": "7000000000000000002"}])
    made = tiktok.create()
    answer = data(tiktok.get(GET, custom_audience_ids=as_json(made, "123")))
    assert [each["audience_details"]["audience_id"] for each in answer["list"]] == [made]
    other = tiktok.get(GET, custom_audience_ids=as_json(made), advertiser_id="7000000000000000002")
    assert data(other) == {"list": []}


def test_history_can_be_cut(tiktok: TikTok) -> None:
    made = tiktok.create_from(tiktok.path_of([hashed("a")]))
    tiktok.world.advance(86_400)
    assert len(tiktok.told(made)["audience_history"]) == 2
    answer = data(tiktok.get(GET, custom_audience_ids=as_json(made), history_size="1"))
    (line,) = answer["list"][0]["audience_history"]
    assert line["msg"] is not None


@pytest.mark.parametrize(
    ("path", "params", "what"),
    [
        (GET, {}, (40002, "custom_audience_ids: Missing data for required field.")),
        (
            GET,
            {"custom_audience_ids": "[]"},
            (40002, "custom_audience_ids: Shorter than minimum length 1."),
        ),
        (GET, {"custom_audience_ids": "1,2"}, (40002, "custom_audience_ids: Not a valid list.")),
        (GET, {"custom_audience_ids": "1"}, (40002, "custom_audience_ids: Not a valid list.")),
        (
            GET,
            {"custom_audience_ids": "[1]"},
            (40002, "custom_audience_ids: Not a valid list of strings."),
        ),
        (
            GET,
            {"custom_audience_ids": as_json(*map(str, range(101)))},
            (40011, "custom_audience_ids: Longer than maximum length 100."),
        ),
        (
            GET,
            {"custom_audience_ids": '["1"]', "history_size": "101"},
            (40002, "history_size: Must be between 1 and 100."),
        ),
        (LIST, {"page_size": "101"}, (40002, "page_size: Must be between 1 and 100.")),
        (LIST, {"page_size": "ten"}, (40002, "page_size: Not a valid integer.")),
        (LIST, {"page": "0"}, (40002, "page: Must be at least 1.")),
        (
            LIST,
            {"custom_audience_ids": "[]"},
            (40002, "custom_audience_ids: Shorter than minimum length 1."),
        ),
    ],
)
def test_its_parameters(
    tiktok: TikTok, path: str, params: dict[str, str], what: tuple[int, str]
) -> None:
    assert refused(tiktok.get(path, **params)) == what


def test_one_advertiser_does_not_see_anothers(tiktok: TikTok) -> None:
    other = "7000000000000000002"
    tiktok.configure(advertisers=[{}, {"id": other}])
    tiktok.create(advertiser_id=other)
    assert data(tiktok.get(LIST))["list"] == []
    assert len(data(tiktok.get(LIST, advertiser_id=other))["list"]) == 1
    assert [remote.account for remote in tiktok.world.remotes("tiktok")] == [other]
    assert other != ADVERTISER


def test_the_sandbox_shows_it_all(either: TikTok) -> None:
    made = either.create("vip")
    digest = hashed("a")
    data(either.add(made, digest))
    shown = either.http.get(f"{either.root}/_sandbox/audiences").json()["tiktok"]
    (audience,) = shown
    assert audience["identifiers"] == [["EMAIL_SHA256", digest]]
    assert audience["persons"] == [[["EMAIL_SHA256", digest]]]
    assert (audience["id"], audience["account"], audience["type"]) == (made, ADVERTISER, "Partner")
    requests = either.world.journal.requests()
    assert [(each["action"], each["rows"]) for each in requests] == [("create", 0), ("add", 1)]
