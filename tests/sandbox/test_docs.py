"""docs/sandbox.md keeps up with the code."""

import re
from pathlib import Path

from audsync.sandbox.contract import Answer, Call
from audsync.sandbox.faults import FaultKind, parse

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


def test_every_kind_of_fault_is_told() -> None:
    rows = re.findall(r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row)}
    assert {kind.value for kind in FaultKind} <= told


def test_the_examples_of_faults_are_rules() -> None:
    (example,) = re.findall(r"```json\n(\[.*?)```", TEXT, re.DOTALL)
    assert len(parse(example.encode(), origin="docs")) == 4


def test_values_stay_out_of_reprs() -> None:
    call = Call(
        method="GET",
        path="/",
        query={"access_token": "s3cret"},
        headers={"authorization": "s3cret"},
        body=b"s3cret",
        base_url="",
        target="/?access_token=s3cret",
    )
    assert "s3cret" not in repr(call)
    assert "s3cret" not in repr(Answer(status=200, body=b"s3cret"))
