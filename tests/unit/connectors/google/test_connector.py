"""What leaves the machine, seen from outside: addresses, headers, numbers, order.

Whether Google's rules are met is for the conformance tests, which have an independent witness.
"""

from typing import Any

import httpx
import pytest

from audsync.connectors.contract import may_have_applied
from audsync.connectors.google.connector import GoogleConnector
from audsync.connectors.google.failures import MembersRefusedError
from audsync.domain import Action
from audsync.errors import (
    AudienceGoneError,
    AudsyncError,
    ConfigError,
    CredentialsExpiredError,
    DuplicateNameError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnavailableError,
    ValidationError,
)
from tests.unit.connectors.fakes import FakeClock
from tests.unit.connectors.google.accounts import SECRETS, failure, service_account
from tests.unit.connectors.google.script import (
    DEAD_TOKEN,
    DENIED,
    FAILING,
    GONE,
    ID,
    LIST,
    LISTS,
    NO_SUCH_LIST,
    SILENCE,
    TAKEN,
    Script,
    Scripted,
    batch,
    connected,
    wrong,
)


def emails(body: dict[str, Any]) -> list[str]:
    return [
        member["compositeData"]["userData"]["userIdentifiers"][0]["emailAddress"][:2]
        for member in body["audienceMembers"]
    ]


@pytest.mark.parametrize(
    ("action", "verb"),
    [(Action.ADD, "ingest"), (Action.REPLACE, "ingest"), (Action.REMOVE, "remove")],
)
def test_members_and_token_stay_out_of_the_address(
    google: GoogleConnector, script: Script, action: Action, verb: str
) -> None:
    script.answers = [TAKEN]
    receipt = google.send(batch(2, action))
    (request,) = script.seen
    assert request.method == "POST"
    assert str(request.url) == f"https://datamanager.googleapis.com/v1/audienceMembers:{verb}"
    assert request.headers["Authorization"] == "Bearer ya29.1"
    assert "login-account" not in request.headers
    assert (receipt.received_rows, receipt.rejected_rows) == (2, 0)
    assert (receipt.reference, receipt.is_settled) == ("126365e1-16d0", False)
    assert ("consent" in script.bodies()[0]) is (action is not Action.REMOVE)


def test_a_service_account_opens_the_same_door(script: Script) -> None:
    google = connected(script, credentials={"service_account": service_account()})
    script.answers = [TAKEN]
    google.send(batch())
    assert script.seen[0].headers["Authorization"] == "Bearer ya29.1"


def test_a_manager_account_is_a_header_of_calls_about_lists_only(script: Script) -> None:
    google = connected(script, options={"login_account": "987-654-3210"})
    script.answers = [LIST, TAKEN, {}]
    google.describe(ID)
    google.send(batch())
    google.delete(ID)
    manager = "accountTypes/GOOGLE_ADS/accounts/9876543210"
    headers = [request.headers.get("login-account") for request in script.seen]
    assert headers == [manager, None, manager]
    assert script.paths() == [f"{LISTS}/{ID}", "/v1/audienceMembers:ingest", f"{LISTS}/{ID}"]


def test_the_path_before_the_address_is_kept(script: Script) -> None:
    google = connected(script, base_url="http://proxy.test/a/google/")
    script.answers = [LIST]
    google.describe(ID)
    assert str(script.seen[0].url) == f"http://proxy.test/a/google{LISTS}/{ID}"


def test_a_token_refused_early_is_renewed_once_and_the_call_made_again(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [DEAD_TOKEN, TAKEN]
    assert google.send(batch()).unanswered_tries == 0
    assert script.tokens == 2
    script.answers = [DEAD_TOKEN, DEAD_TOKEN]
    with pytest.raises(CredentialsExpiredError):
        google.send(batch())
    assert script.tokens == 3


def test_members_that_google_names_are_left_out_and_told(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [wrong(1, 3), wrong(0), TAKEN]
    receipt = google.send(batch(5))
    assert [emails(body) for body in script.bodies()] == [
        ["00", "01", "02", "03", "04"],
        ["00", "02", "04"],
        ["02", "04"],
    ]
    assert (receipt.received_rows, receipt.refused_rows) == (2, (0, 1, 3))


def test_where_every_member_is_wrong_the_request_is_refused(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [wrong(0, 1)]
    with pytest.raises(ValidationError):
        google.send(batch(2))
    assert len(script.seen) == 1


def test_a_place_that_was_not_sent_leaves_nobody_out(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [wrong(0, 2)]
    with pytest.raises(ValidationError):
        google.send(batch(2))
    assert len(script.seen) == 1


def test_leaving_members_out_ends_after_some_rounds(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [wrong(0)] * 20
    with pytest.raises(MembersRefusedError):
        google.send(batch(30))
    assert len(script.seen) == 10


def test_a_refusal_after_a_lost_answer_is_not_certain(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [SILENCE, wrong(0)]
    with pytest.raises(OutcomeUnknownError):
        google.send(batch(2))


def test_a_lost_answer_is_made_good_and_told(google: GoogleConnector, script: Script) -> None:
    script.answers = [SILENCE, FAILING, TAKEN]
    assert google.send(batch()).unanswered_tries == 2


@pytest.mark.parametrize("answer", [{}, {"requestId": ""}, {"requestId": ["x"]}])
def test_an_upload_without_a_reference_is_not_known_to_be_taken(
    google: GoogleConnector, script: Script, answer: dict[str, Any]
) -> None:
    script.answers = [answer] * 3
    with pytest.raises(OutcomeUnknownError):
        google.send(batch())


def test_a_list_is_created_once_whatever_the_answer(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [httpx.ReadTimeout("silence")]
    with pytest.raises(OutcomeUnknownError):
        google.create("vip", "best customers")
    assert len(script.seen) == 1
    assert script.bodies()[0]["displayName"] == "vip"
    assert script.bodies()[0]["membershipDuration"] == "46656000s"


@pytest.mark.parametrize("status", [400, 409])
def test_a_name_that_is_taken_is_told(google: GoogleConnector, script: Script, status: int) -> None:
    fields = {"user_list.display_name": "DISPLAY_NAME_ALREADY_USED"}
    script.answers = [(status, failure("INVALID_ARGUMENT", "INVALID_ARGUMENT", fields=fields))]
    with pytest.raises(DuplicateNameError):
        google.create("vip", "")


def test_lists_are_found_over_pages_oldest_first(google: GoogleConnector, script: Script) -> None:
    script.answers = [
        {"userLists": [{**LIST, "id": "10"}], "nextPageToken": "p2"},
        {"userLists": [{**LIST, "id": "9"}, {**LIST, "displayName": "VIP"}]},
    ]
    assert google.find("vip") == ["9", "10"]
    first, second = (dict(request.url.params) for request in script.seen)
    assert first == {"pageSize": "100", "filter": 'display_name = "vip"'}
    assert second == {**first, "pageToken": "p2"}


def test_pages_that_go_in_circles_end(google: GoogleConnector, script: Script) -> None:
    script.answers = [{"userLists": [LIST], "nextPageToken": "p1"}] * 2
    assert google.find("vip") == [ID]


def test_a_name_with_quotes_is_looked_for_among_all(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [{"userLists": [{**LIST, "displayName": 'the "best"'}]}]
    assert google.find('the "best"') == [ID]
    assert "filter" not in script.seen[0].url.params


@pytest.mark.parametrize("refusal", [NO_SUCH_LIST, GONE, DENIED])
def test_a_list_that_its_account_does_not_list_is_gone(
    google: GoogleConnector, script: Script, refusal: Scripted
) -> None:
    script.answers = [SILENCE, refusal, {}]
    with pytest.raises(AudienceGoneError) as caught:
        google.send(batch())
    assert caught.value.details["where"] == "platform"
    assert may_have_applied(caught.value)
    assert script.paths()[1:] == ["/v1/audienceMembers:ingest", LISTS]
    assert dict(script.seen[-1].url.params) == {"filter": f"id = {ID}"}


@pytest.mark.parametrize("refusal", [NO_SUCH_LIST, DENIED])
@pytest.mark.parametrize("account", [GONE, DENIED])
def test_a_list_is_not_called_gone_when_the_account_is_out_of_sight(
    google: GoogleConnector, script: Script, refusal: Scripted, account: Scripted
) -> None:
    script.answers = [SILENCE, refusal, account]
    with pytest.raises(PermissionDeniedError, match="1234567890") as caught:
        google.send(batch())
    assert may_have_applied(caught.value)


@pytest.mark.parametrize("answer", [FAILING, {"userLists": [{**LIST, "id": "1"}]}])
def test_a_list_is_not_called_gone_while_the_account_gives_no_clear_answer(
    google: GoogleConnector, script: Script, answer: Scripted
) -> None:
    script.answers = [GONE, *[answer] * 3]
    with pytest.raises(UnavailableError):
        google.describe(ID)


def test_an_upload_that_does_not_fit_a_list_that_is_there_is_a_matter_of_configuration(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [NO_SUCH_LIST, {"userLists": [LIST]}]
    with pytest.raises(ConfigError, match="login_account"):
        google.send(batch())


def test_a_list_that_is_there_and_may_not_be_changed_is_a_matter_of_permission(
    google: GoogleConnector, script: Script
) -> None:
    script.answers = [DENIED, {"userLists": [LIST]}]
    with pytest.raises(PermissionDeniedError):
        google.send(batch())


def test_a_new_list_that_is_not_there_yet_is_waited_for(
    google: GoogleConnector, script: Script, clock: FakeClock
) -> None:
    script.answers = [LIST, NO_SUCH_LIST, GONE, TAKEN]
    google.create("vip", "")
    assert google.send(batch()).unanswered_tries == 0
    assert len(clock.slept_s) == 2
    clock.seconds += 60
    script.answers = [NO_SUCH_LIST, {}]
    with pytest.raises(AudienceGoneError):
        google.send(batch())


def test_deleting_what_is_gone_is_no_error(google: GoogleConnector, script: Script) -> None:
    script.answers = [LIST, {}, GONE, {}]
    google.create("vip", "")
    google.delete(ID)
    google.delete(ID)
    assert [request.method for request in script.seen] == ["POST", "DELETE", "DELETE", "GET"]


def test_access_is_checked_without_making_anything(google: GoogleConnector, script: Script) -> None:
    script.answers = [{}, SILENCE, {}]
    assert google.check_access() is None
    look, _, judged = script.seen
    assert (look.method, dict(look.url.params)) == ("GET", {"pageSize": "1"})
    assert (judged.method, dict(judged.url.params)) == ("POST", {"validateOnly": "true"})


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("ADVERTISER_TOS_NOT_ACCEPTED", "TERMS_NOT_ACCEPTED"),
        ("EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED", "PERMISSION_DENIED"),
        ("NOT_ALLOWLISTED", "PERMISSION_DENIED"),
    ],
)
def test_what_a_person_must_do_is_named_at_the_check(
    google: GoogleConnector, script: Script, reason: str, code: str
) -> None:
    script.answers = [{}, (400, failure("INVALID_ARGUMENT", reason))]
    with pytest.raises(AudsyncError) as caught:
        google.check_access()
    assert (caught.value.code, caught.value.exit_code) == (code, 5)


def test_the_name_of_the_check_may_be_taken(google: GoogleConnector, script: Script) -> None:
    script.answers = [{}, (400, failure("ALREADY_EXISTS", "DISPLAY_NAME_ALREADY_USED"))]
    assert google.check_access() is None


def test_an_account_out_of_sight_is_a_matter_of_permission(
    google: GoogleConnector, script: Script
) -> None:
    for answer in (GONE, DENIED):
        script.answers = [answer]
        with pytest.raises(PermissionDeniedError, match="1234567890"):
            google.check_access()


def test_no_error_holds_a_secret_or_a_value(google: GoogleConnector, script: Script) -> None:
    told = []
    answers: list[Scripted] = [wrong(0), DENIED, FAILING, GONE, (400, {"error": {"x": "00" * 32}})]
    for answer in answers:
        script.answers = [answer] * 4
        with pytest.raises(AudsyncError) as caught:
            google.send(batch())
        told.append(f"{caught.value!r} {caught.value.as_json()}")
    for value in ("00" * 32, "ya29", "mary", *SECRETS.values()):
        assert all(value not in text for text in told)
