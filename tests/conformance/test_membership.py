import pytest

from audsync.connectors.contract import Replacing
from audsync.domain import Action, RemoteId
from audsync.errors import AudienceGoneError, ValidationError
from tests.conformance.conftest import Stage, one_value_each, person

ANN, BEN, CEM, DEE = (person(number) for number in range(1, 5))


@pytest.fixture
def audience(stage: Stage) -> RemoteId:
    return stage.connector.create("buyers", "made by a test")


def test_a_new_audience_is_empty_and_found_by_its_exact_name(
    stage: Stage, audience: RemoteId
) -> None:
    stage.connector.create("buyers 2", "")
    assert stage.members(audience) == set()
    assert stage.connector.find("buyers") == [audience]
    assert stage.connector.find("BUYERS") == []
    assert stage.connector.describe(audience).name == "buyers"
    assert stage.connector.describe(audience).is_usable


def test_audiences_of_one_name_are_found_oldest_first_over_many_pages(stage: Stage) -> None:
    same = {20} if stage.connector.spec.has_unique_names else {20, 70, 119}
    made = []
    for number in range(120):
        made.append(stage.connector.create("buyers" if number in same else f"n{number}", ""))
        stage.clock.seconds += 1
    assert stage.connector.find("buyers") == [made[number] for number in sorted(same)]


def test_members_added_in_several_batches_are_all_there(stage: Stage, audience: RemoteId) -> None:
    stage.send(audience, Action.ADD, [ANN, BEN], [CEM])
    assert stage.members(audience) == stage.wire(ANN, BEN, CEM)


def test_a_receipt_counts_the_rows_of_its_batch(stage: Stage, audience: RemoteId) -> None:
    for batch in stage.batches(audience, Action.ADD, [ANN, BEN], [CEM]):
        receipt = stage.connector.send(batch)
        assert (receipt.received_rows, receipt.rejected_rows) == (batch.rows, 0)
        assert receipt.reference
        assert receipt.unanswered_tries == 0


def test_the_same_batch_twice_is_the_same_batch_once(stage: Stage, audience: RemoteId) -> None:
    (batch,) = stage.batches(audience, Action.ADD, [ANN])
    stage.connector.send(batch)
    stage.connector.send(batch)
    assert stage.members(audience) == stage.wire(ANN)


def test_members_removed_are_gone_and_the_others_stay(stage: Stage, audience: RemoteId) -> None:
    stage.send(audience, Action.ADD, [ANN, BEN, CEM])
    rows = one_value_each([BEN, CEM])
    stage.send(audience, Action.REMOVE, rows[:3], rows[3:])
    assert stage.members(audience) == stage.wire(ANN)


def test_a_replace_in_several_batches_leaves_exactly_what_it_brought(
    stage: Stage, audience: RemoteId
) -> None:
    stage.send(audience, Action.ADD, [ANN, BEN])
    if stage.connector.spec.replaces_by is Replacing.SESSION:
        stage.send(audience, Action.REPLACE, [BEN], [CEM], [DEE])
        assert stage.members(audience) == stage.wire(BEN, CEM, DEE)


def test_a_batch_as_large_as_ever_sent_is_taken_and_one_beyond_the_limit_is_not(
    stage: Stage, audience: RemoteId
) -> None:
    largest = stage.connector.spec.max_batch_rows
    limit = stage.subject.most_rows or largest
    assert largest <= limit
    people = [person(number) for number in range(1, limit + 2)]
    stage.send(audience, Action.ADD, people[:largest])
    members = largest * len(stage.subject.keys)
    assert len(stage.members(audience)) == members
    with pytest.raises(ValidationError):
        stage.send(audience, Action.ADD, people)
    assert len(stage.members(audience)) == members


def test_a_deleted_audience_is_gone_and_deleting_it_again_is_no_error(
    stage: Stage, audience: RemoteId
) -> None:
    stage.connector.delete(audience)
    stage.connector.delete(audience)
    assert stage.connector.find("buyers") == []
    with pytest.raises(AudienceGoneError):
        stage.connector.describe(audience)
    with pytest.raises(AudienceGoneError):
        stage.send(audience, Action.ADD, [ANN])
