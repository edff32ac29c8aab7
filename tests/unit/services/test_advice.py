from audsync.identifiers.reasons import Reason
from audsync.services.segments import advice


def test_every_reason_has_a_remedy() -> None:
    reasons = {reason.label for reason in Reason if reason is not Reason.ACCEPTED}
    assert {*advice._REMEDIES, advice._NO_REGION} == reasons  # noqa: SLF001 - the table is private
