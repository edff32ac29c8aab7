from typing import Any

import pytest

from tests.sandbox.client import hashed
from tests.sandbox.snapchat.client import DEVICE, MAIL, PHONE, Snapchat, inner

HOUR, DAY = 3600, 86_400
STATES = ("upload_status", "targetable_status", "approximate_number_users")


def known(count: int) -> list[str]:
    """Digests of invented people whom the platform knows."""
    found = (hashed(f"person-{number}") for number in range(count * 3))
    return [digest for digest in found if digest[-1] < "c"][:count]


def states(snapchat: Snapchat, segment: str) -> tuple[Any, ...]:
    told = snapchat.read(segment)
    return tuple(told[name] for name in STATES)


def test_identifiers_are_what_was_added_less_what_was_removed(either: Snapchat) -> None:
    segment, other = either.create(), either.create()
    one, two = hashed("1"), hashed("2")
    either.upload(segment, MAIL, [one, two])
    either.upload(segment, PHONE, [one])
    either.upload(other, MAIL, [one])
    # The same digest under another kind is another identifier.
    either.upload(segment, MAIL, [one], method="DELETE")
    either.upload(segment, DEVICE, [two], method="DELETE")
    assert either.remote(segment).identifiers == {(MAIL, two), (PHONE, one)}
    assert either.remote(other).identifiers == {(MAIL, one)}


def test_adding_and_removing_may_be_repeated(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    for _ in range(2):
        inner(snapchat.upload(segment, MAIL, [hashed("a"), hashed("b")]), "users")
    assert snapchat.remote(segment).person_count == 2
    for _ in range(2):
        inner(snapchat.upload(segment, MAIL, [hashed("a")], method="DELETE"), "users")
    assert snapchat.remote(segment).identifiers == {(MAIL, hashed("b"))}


def test_uploads_do_not_tell_who_belongs_together(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    snapchat.upload(segment, MAIL, [hashed("m")])
    snapchat.upload(segment, PHONE, [hashed("p")])
    assert snapchat.remote(segment).persons == {
        frozenset({(MAIL, hashed("m"))}),
        frozenset({(PHONE, hashed("p"))}),
    }


def test_the_platform_may_know_who_belongs_together(snapchat: Snapchat) -> None:
    mail, phone, device = (MAIL, hashed("m")), (PHONE, hashed("p")), (DEVICE, hashed("d"))
    segment, stranger = snapchat.create(), hashed("x")
    snapchat.upload(segment, MAIL, [mail[1], stranger])
    snapchat.upload(segment, PHONE, [phone[1]])
    snapchat.configure(people=[[mail, phone], [phone, device], []])
    anna = frozenset({mail, phone, device})
    bert = frozenset({(MAIL, stranger)})
    assert snapchat.remote(segment).persons == {anna, bert}
    # One of her keys takes her out, another one brings her in again.
    snapchat.upload(segment, PHONE, [phone[1]], method="DELETE")
    assert snapchat.remote(segment).persons == {bert}
    assert snapchat.remote(segment).identifiers == {mail, (MAIL, stranger)}
    snapchat.upload(segment, DEVICE, [device[1]])
    assert snapchat.remote(segment).persons == {anna, bert}
    assert snapchat.remote(segment).person_count == 2


def test_members_age_out_unless_they_are_sent_again(snapchat: Snapchat) -> None:
    segment, lasting = snapchat.create(retention_in_days=2), snapchat.create()
    for each in (segment, lasting):
        snapchat.upload(each, MAIL, [hashed("a"), hashed("b")])
    snapchat.later(1.5 * DAY)
    snapchat.upload(segment, MAIL, [hashed("b")])
    snapchat.world.advance(1 * DAY)
    assert snapchat.remote(segment).identifiers == {(MAIL, hashed("b"))}
    assert snapchat.remote(segment).person_count == 1
    snapchat.world.advance(9999 * DAY)
    assert snapchat.remote(lasting).person_count == 2


def test_states_and_sizes_follow_hours_later(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    assert states(snapchat, segment) == ("NO_UPLOAD", "NOT_READY", 0)
    digests = known(1294)
    snapchat.upload(segment, MAIL, digests)
    assert states(snapchat, segment) == ("PROCESSING", "NOT_READY", 0)
    snapchat.later(HOUR)
    assert states(snapchat, segment) == ("COMPLETE", "READY", 1200)
    snapchat.upload(segment, MAIL, digests[999:], method="DELETE")
    assert states(snapchat, segment) == ("PROCESSING", "NOT_READY", 1200)
    snapchat.later(HOUR)
    assert states(snapchat, segment) == ("COMPLETE", "TOO_FEW_USERS", 990)
    snapchat.configure(smallest_shown=1000, target_floor=999)
    assert states(snapchat, segment) == ("COMPLETE", "READY", 0)


@pytest.mark.parametrize(("count", "shown"), [(7, 7), (99, 99), (123, 120)])
def test_sizes_have_two_digits(snapchat: Snapchat, count: int, shown: int) -> None:
    snapchat.configure(processing_h=0)
    segment = snapchat.create()
    snapchat.upload(segment, MAIL, known(count))
    assert snapchat.read(segment)["approximate_number_users"] == shown
    snapchat.upload(segment, MAIL, known(count), method="DELETE")
    assert snapchat.read(segment)["approximate_number_users"] == 0


def test_three_in_four_people_are_known(snapchat: Snapchat) -> None:
    segment = snapchat.create()
    for schema in (MAIL, PHONE, DEVICE):
        snapchat.upload(
            segment, schema, [f"{schema.encode().hex()[:16]:0<63}{x:x}" for x in range(16)]
        )
    remote = snapchat.remote(segment)
    assert (remote.person_count, remote.facts["matched"]) == (48, 36)


class TestEmptying:
    def test_takes_everybody_out(self, either: Snapchat) -> None:
        segment = either.create()
        either.upload(segment, MAIL, [hashed("a")])
        (told,) = inner(either.call("DELETE", f"segments/{segment}/all_users"), "segments")
        assert told["segment"]["approximate_number_users"] == 0
        assert told["segment"]["id"] == segment
        assert either.remote(segment).identifiers == frozenset()
        assert either.read(segment)["upload_status"] == "PROCESSING"
        either.upload(segment, MAIL, [hashed("b")])
        assert either.remote(segment).identifiers == {(MAIL, hashed("b"))}
        assert either.violations() == {}

    def test_may_take_its_time_and_what_was_added_meanwhile(self, snapchat: Snapchat) -> None:
        snapchat.configure(empties_after_s=600)
        segment = snapchat.create()
        snapchat.upload(segment, MAIL, [hashed("a")])
        snapchat.call("DELETE", f"segments/{segment}/all_users")
        assert snapchat.remote(segment).person_count == 1
        snapchat.upload(segment, MAIL, [hashed("b")])
        assert snapchat.violations() == {"add_while_emptying": 1}
        snapchat.world.advance(600)
        assert snapchat.remote(segment).person_count == 0
        snapchat.upload(segment, MAIL, [hashed("c")])
        assert snapchat.remote(segment).identifiers == {(MAIL, hashed("c"))}
