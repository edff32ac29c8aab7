"""What the vendor's own client library sends, the sandbox must take."""

from collections.abc import Iterator

import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.customaudience import CustomAudience
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

from tests.sandbox.client import Meta, hashed

SCHEMA = CustomAudience.Schema.MultiKeySchema


@pytest.fixture
def api(served: Meta) -> Iterator[FacebookAdsApi]:
    session = FacebookSession("sandbox-app", "sandbox-app-secret", "sandbox-meta-token")
    session.GRAPH = served.base_url
    yield FacebookAdsApi(session)
    session.requests.close()


@pytest.fixture
def audience(api: FacebookAdsApi) -> CustomAudience:
    made = AdAccount("act_1001", api=api).create_custom_audience(
        params={
            "name": "from the library",
            "subtype": "CUSTOM",
            "customer_file_source": "USER_PROVIDED_ONLY",
        }
    )
    return CustomAudience(made["id"], api=api)


def test_it_reads_accounts_and_audiences(api: FacebookAdsApi, audience: CustomAudience) -> None:
    account = AdAccount("act_1001", api=api)
    assert account.api_get(fields=["name", "account_status"])["account_status"] == 1
    told = audience.api_get(fields=["name", "operation_status"])
    assert (told["name"], told["operation_status"]["code"]) == ("from the library", 200)
    for number in range(3):
        audience.api_update(params={"name": f"renamed {number}"})
        account.create_custom_audience(
            params={
                "name": f"more {number}",
                "subtype": "CUSTOM",
                "customer_file_source": "USER_PROVIDED_ONLY",
            }
        )
    listed = account.get_custom_audiences(fields=["name"], params={"limit": 2})
    assert [each["name"] for each in listed] == ["more 2", "more 1", "more 0", "renamed 2"]


def test_it_adds_and_removes_by_list_schema(served: Meta, audience: CustomAudience) -> None:
    users = [["CRM-1", "Anna@Example.com", "+1 555 010 4477"], ["crm-2", "bert@example.com", ""]]
    schema = [SCHEMA.extern_id, SCHEMA.email, SCHEMA.phone]
    told = audience.add_users(schema=schema, users=users, is_raw=True).json()
    # The library sends the hash of the empty text for the phone that is missing.
    assert (told["num_received"], told["num_invalid_entries"]) == (2, 1)
    anna = {
        ("EXTERN_ID", "crm-1"),
        ("EMAIL", hashed("anna@example.com")),
        ("PHONE", hashed("15550104477")),
    }
    assert served.remote(audience["id"]).identifiers == anna
    audience.remove_users(schema=[SCHEMA.extern_id], users=[["crm-1"]], is_raw=True)
    assert served.remote(audience["id"]).persons == frozenset()
    assert list(served.world.journal.violations) == []


def test_it_adds_by_string_schema_and_in_a_session(served: Meta, audience: CustomAudience) -> None:
    session = {"session_id": 9, "batch_seq": 1, "last_batch_flag": True}
    told = audience.add_users(
        schema=CustomAudience.Schema.email_hash, users=["a@example.com"], session=session
    ).json()
    assert (told["session_id"], told["num_received"]) == ("9", 1)
    assert served.remote(audience["id"]).identifiers == {("EMAIL", hashed("a@example.com"))}


def test_it_replaces(served: Meta, audience: CustomAudience) -> None:
    params = {
        "payload": {"schema": ["EXTERN_ID"], "is_raw": True, "data": [["new"]]},
        "session": {"session_id": 5, "batch_seq": 1, "last_batch_flag": True},
    }
    audience.create_users_replace(params=params)
    assert served.remote(audience["id"]).identifiers == {("EXTERN_ID", "new")}


def test_its_hashed_device_ids_are_a_leak_only_when_strict(
    served: Meta, audience: CustomAudience
) -> None:
    device = "AB1234CD-E123-12FA-B123-4567890ABCDE"

    madid = {"schema": [SCHEMA.madid], "users": [[device]], "is_raw": True}
    with pytest.raises(FacebookRequestError) as refused:
        audience.add_users(**madid)
    assert refused.value.api_error_code() == 100
    served.configure(is_strict=False)
    assert audience.add_users(**madid).json()["num_invalid_entries"] == 1
    assert {each["kind"] for each in served.world.journal.violations} == {"hashed_madid"}


def test_it_sees_errors_as_it_should(served: Meta, audience: CustomAudience) -> None:
    served.arm({"kind": "rate_limit"})
    with pytest.raises(FacebookRequestError) as refused:
        audience.api_get(fields=["id"])
    assert (refused.value.api_error_code(), refused.value.api_error_subcode()) == (80003, 2446079)
    assert refused.value.api_transient_error()
    audience.api_delete()
    with pytest.raises(FacebookRequestError) as gone:
        audience.api_get(fields=["id"])
    assert (gone.value.api_error_code(), gone.value.api_error_subcode()) == (100, 33)
