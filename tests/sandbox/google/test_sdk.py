"""What the vendor's own client library sends, the sandbox must take."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.ads import datamanager_v1 as dm
from google.ads.datamanager_v1.services.ingestion_service.transports import (
    IngestionServiceRestTransport,
)
from google.ads.datamanager_v1.services.user_list_service.transports import (
    UserListServiceRestTransport,
)
from google.api_core import exceptions
from google.oauth2.credentials import Credentials
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from tests.sandbox.google.client import ACCOUNT, LOGIN, REFRESH, Google, everybody, hashed

PARENT = f"accountTypes/GOOGLE_ADS/accounts/{ACCOUNT}"
LOGIN_HEADER = [("login-account", f"accountTypes/GOOGLE_ADS/accounts/{LOGIN}")]


class Library:
    """Both services of the library, pointed at the sandbox."""

    def __init__(self, served: Google) -> None:
        credentials = Credentials(  # type: ignore[no-untyped-call]
            None,
            refresh_token=REFRESH["refresh_token"],
            client_id=REFRESH["client_id"],
            client_secret=REFRESH["client_secret"],
            token_uri=f"{served.base_url}/token",
        )
        self.to: dict[str, Any] = {
            "host": f"{served.base_url}",
            "credentials": credentials,
            "url_scheme": "http",
        }
        self.lists = dm.UserListServiceClient(transport=UserListServiceRestTransport(**self.to))
        self.members = dm.IngestionServiceClient(transport=IngestionServiceRestTransport(**self.to))

    def create(self, name: str) -> Any:  # noqa: ANN401 - the library is untyped
        info = dm.IngestedUserListInfo(
            upload_key_types=[dm.IngestedUserListInfo.UploadKeyType.CONTACT_ID],
            contact_id_info=dm.ContactIdInfo(
                data_source_type=dm.DataSourceType.DATA_SOURCE_TYPE_FIRST_PARTY
            ),
        )
        wanted = dm.UserList(
            display_name=name,
            membership_duration=Duration(seconds=540 * 86_400),
            ingested_user_list_info=info,
        )
        return self.lists.create_user_list(parent=PARENT, user_list=wanted, metadata=LOGIN_HEADER)

    def status(self, request_id: str) -> Any:  # noqa: ANN401 - the library is untyped
        asked = dm.RetrieveRequestStatusRequest(request_id=request_id)
        return self.members.retrieve_request_status(asked).request_status_per_destination[0]


@pytest.fixture
def library(served: Google) -> Iterator[Library]:
    library = Library(served)
    yield library
    for client in (library.lists, library.members):
        client.transport.close()  # type: ignore[no-untyped-call]


def to(user_list: Any) -> Any:  # noqa: ANN401 - the library is untyped
    kind = dm.ProductAccount.AccountType.GOOGLE_ADS
    return dm.Destination(
        operating_account=dm.ProductAccount(account_id=ACCOUNT, account_type=kind),
        login_account=dm.ProductAccount(account_id=LOGIN, account_type=kind),
        product_destination_id=str(user_list.id),
    )


def member(name: str) -> Any:  # noqa: ANN401 - the library is untyped
    identifier = dm.UserIdentifier(email_address=hashed(name))
    return dm.AudienceMember(
        composite_data=dm.CompositeData(user_data=dm.UserData(user_identifiers=[identifier]))
    )


def ingestion(user_list: Any, *names: str) -> Any:  # noqa: ANN401 - the library is untyped
    granted = dm.ConsentStatus.CONSENT_GRANTED
    return dm.IngestAudienceMembersRequest(
        destinations=[to(user_list)],
        audience_members=[member(name) for name in names],
        consent=dm.Consent(ad_user_data=granted, ad_personalization=granted),
        encoding=dm.Encoding.HEX,
        terms_of_service=dm.TermsOfService(
            customer_match_terms_of_service_status=dm.TermsOfServiceStatus.ACCEPTED
        ),
    )


def test_it_keeps_lists(served: Google, library: Library) -> None:
    made = library.create("from the library")
    assert (made.display_name, made.membership_status.name) == ("from the library", "OPEN")
    assert made.membership_duration == timedelta(days=540)
    assert library.lists.get_user_list(name=made.name) == made
    for number in range(3):
        library.create(f"more {number}")
    request = dm.ListUserListsRequest(parent=PARENT, page_size=2)
    listed = [each.display_name for each in library.lists.list_user_lists(request)]
    assert listed == ["from the library", "more 0", "more 1", "more 2"]
    found = dm.ListUserListsRequest(parent=PARENT, filter='display_name = "more 1"')
    assert [each.display_name for each in library.lists.list_user_lists(found)] == ["more 1"]
    made.display_name = "renamed"
    mask = FieldMask(paths=["display_name"])
    library.lists.update_user_list(user_list=made, update_mask=mask)
    assert served.remote(str(made.id)).name == "renamed"
    library.lists.delete_user_list(name=made.name)
    with pytest.raises(exceptions.NotFound):
        library.lists.get_user_list(name=made.name)


def test_it_moves_members(served: Google, library: Library) -> None:
    user_list = library.create("from the library")
    sent = library.members.ingest_audience_members(ingestion(user_list, "a", "b"))
    assert library.status(sent.request_id).request_status.name == "PROCESSING"
    served.configure(settle_after_s=0)
    status = library.status(sent.request_id)
    assert status.request_status.name == "SUCCESS"
    ingested = status.audience_members_ingestion_status.composite_data_ingestion_status
    assert (ingested.record_count, ingested.data_type_counts[0].type_.name) == (2, "EMAIL")
    removal = dm.RemoveAudienceMembersRequest(
        destinations=[to(user_list)], audience_members=[member("a")], encoding=dm.Encoding.HEX
    )
    library.members.remove_audience_members(removal)
    assert served.members(str(user_list.id)) == everybody("b")
    sweep = dm.RemoveAllAudienceMembersRequest(
        destinations=[to(user_list)], remove_as_of_time=datetime.now(UTC)
    )
    swept = library.members.remove_all_audience_members(sweep)
    assert library.status(swept.request_id).request_status.name == "SUCCESS"
    assert served.members(str(user_list.id)) == set()
    assert served.violations() == []


def test_it_sees_errors_as_it_should(served: Google, library: Library) -> None:
    user_list = library.create("from the library")
    with pytest.raises(exceptions.BadRequest) as refused:
        library.create("from the library")
    assert refused.value.reason == "INVALID_ARGUMENT"
    request = ingestion(user_list, "a")
    request.terms_of_service = None
    with pytest.raises(exceptions.BadRequest) as refused:
        library.members.ingest_audience_members(request)
    assert "TERMS_AND_CONDITIONS_NOT_SIGNED" in str(refused.value.details)
    served.arm({"kind": "rate_limit"})
    with pytest.raises(exceptions.TooManyRequests) as limited:
        library.lists.get_user_list(name=user_list.name)
    assert limited.value.metadata["quota_limit"].startswith("IngestionMutate")
