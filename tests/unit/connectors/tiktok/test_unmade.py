from hypothesis import given
from hypothesis import strategies as st

from audsync.connectors.tiktok.unmade import Unmade, unmade
from audsync.domain import RemoteId

ids = st.sets(st.text("0123456789", min_size=1, max_size=19).map(RemoteId))


@given(st.text(), ids)
def test_an_id_carries_all_that_it_stands_for(name: str, before: set[RemoteId]) -> None:
    waiting = Unmade(name=name, before=frozenset(before))
    assert unmade(waiting.id) == waiting
    assert waiting.id.isascii()
    assert waiting.id == Unmade(name=name, before=frozenset(before)).id


def test_an_id_of_tiktoks_own_stands_for_nothing_else() -> None:
    assert unmade(RemoteId("900000000000000002")) is None


def test_the_oldest_that_was_not_there_before_is_ours() -> None:
    waiting = Unmade(name="vip", before=frozenset({RemoteId("1"), RemoteId("2")}))
    one, two, three, four = (RemoteId(each) for each in "1234")
    assert waiting.made([]) is None
    assert waiting.made([one, two]) is None
    assert waiting.made([one, two, three, four]) == three
