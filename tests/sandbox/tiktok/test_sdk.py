"""What the vendor's own client library sends, the sandbox must take.

It has the file path only; the streaming path is in no official library.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from business_api_client import (
    ApiClient,
    AudienceApi,
    AuthenticationApi,
    Configuration,
    CustomAudienceCreateBody,
    CustomAudienceDeleteBody,
    CustomAudienceUpdateBody,
)
from business_api_client.tiktok_business.tiktok_exceptions import TiktokSDKError

from tests.sandbox.tiktok.client import ADVERTISER, DAY, MAIL, TikTok, known

TOKEN = "sandbox-tiktok-token"


@pytest.fixture
def api(served: TikTok) -> Iterator[AudienceApi]:
    configuration = Configuration()
    configuration.host = served.base_url
    client = ApiClient(configuration)
    yield AudienceApi(client)
    client.rest_client.pool_manager.clear()


def upload(api: AudienceApi, path: Path, values: Sequence[str]) -> str:
    path.write_text("".join(f"{value}\n" for value in values))
    answer = api.dmp_custom_audience_file_upload(
        TOKEN,
        advertiser_id=ADVERTISER,
        calculate_type=MAIL,
        file=str(path),
        file_signature=hashlib.md5(path.read_bytes()).hexdigest(),
    )
    return str(answer["data"]["file_path"])


def test_a_whole_life(api: AudienceApi, served: TikTok, tmp_path: Path) -> None:
    people = known(2_400)
    created = api.dmp_custom_audience_create(
        TOKEN,
        body=CustomAudienceCreateBody(
            advertiser_id=ADVERTISER,
            custom_audience_name="from the library",
            calculate_type=MAIL,
            file_paths=[upload(api, tmp_path / "first.csv", people[:1_500])],
        ),
    )
    audience = str(created["data"]["custom_audience_id"])
    served.world.advance(DAY)
    for action, given in (("APPEND", people[1_500:]), ("REMOVE", people[:500])):
        path = upload(api, tmp_path / f"{action}.txt", given)
        body = CustomAudienceUpdateBody(
            advertiser_id=ADVERTISER,
            custom_audience_id=audience,
            action=action,
            file_paths=[path],
        )
        api.dmp_custom_audience_update(TOKEN, body=body)
        served.world.advance(DAY)
    assert served.members(audience) == set(people[500:])
    assert list(served.world.journal.violations) == []
    told = details(api, audience)
    assert (told["cover_num"], told["is_valid"]) == (1_900, True)
    listed = api.dmp_custom_audience_list(ADVERTISER, TOKEN, page=1, page_size=5)
    assert [each["audience_id"] for each in listed["data"]["list"]] == [audience]
    api.dmp_custom_audience_delete(
        TOKEN,
        body=CustomAudienceDeleteBody(advertiser_id=ADVERTISER, custom_audience_ids=[audience]),
    )
    assert served.world.remotes("tiktok") == []


def test_it_sees_errors_as_it_should(api: AudienceApi, served: TikTok) -> None:
    with pytest.raises(TiktokSDKError, match="Error Code: 40105"):
        api.dmp_custom_audience_list(ADVERTISER, "wrong")
    served.arm({"kind": "rate_limit"})
    with pytest.raises(TiktokSDKError, match="Error Code: 40100"):
        api.dmp_custom_audience_list(ADVERTISER, TOKEN)
    with pytest.raises(TiktokSDKError, match="Error Code: 40002, message: custom_audience_name"):
        api.dmp_custom_audience_create(TOKEN, body={"advertiser_id": ADVERTISER})


def test_it_says_who_it_is(api: AudienceApi) -> None:
    answer = AuthenticationApi(api.api_client).oauth2_advertiser_get(
        "sandbox-app", "sandbox-secret", TOKEN
    )
    assert [each["advertiser_id"] for each in answer["data"]["list"]] == [ADVERTISER]


def details(api: AudienceApi, audience: str) -> dict[str, Any]:
    (told,) = api.dmp_custom_audience_get(ADVERTISER, [audience], TOKEN)["data"]["list"]
    return dict(told["audience_details"])
