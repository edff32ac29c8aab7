"""Marked people and a marked token go through everything that can go wrong; where do they show?

Nowhere but in the sources and in audsync.yaml: not in the store, the state, temporary files,
stdout, stderr or the bodies of requests. Hashes may be in the state and on the wire only.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.crash.harness import Ended, Project
from tests.crash.people import sha256

PEOPLE = 24
TOKEN = "canary-token-8f2d"
NAME = "Piicanaryname"
WRITTEN_FOR_US = ("audsync.yaml", "people.csv", "broken.csv", "broken.jsonl", "no.csv", "left.csv")
COMMANDS = (
    ["sync", "vip", "--allow-shrink"],
    ["plan", "vip"],
    ["check", "vip"],
    ["check", "both"],
    ["export", "vip", "--format", "csv", "--out", "hashed.csv"],
    ["export", "vip", "--holdout", "--format", "parquet", "--out", "held.parquet"],
    ["health"],
    ["metrics"],
    ["audit", "list"],
    ["replace", "vip", "--allow-shrink"],
    ["status", "vip"],
    ["jobs"],
    ["doctor"],
)
_MORE = """\
  torn:
    source: {type: file, path: broken.csv}
    columns: {profile_id: customer_id, email: email}
  odd:
    source: {type: file, path: broken.jsonl}
    columns: {profile_id: customer_id, email: email}
  both:
    include: [vip]
    exclude: [left]
  left:
    source: {type: file, path: left.csv}
    columns: {profile_id: id, email: email}
suppress:
  - {type: file, path: no.csv, columns: {email: email, phone: phone}}
defaults: {holdout: {percent: 20, name: canary}}
"""


def email(number: int) -> str:
    return f"pii-canary-{number}@example.com"


def phone(number: int) -> str:
    return f"737555{100 + number:04}"


def raw_values() -> list[bytes]:
    """What must not show, in every spelling in which it stands in a source or could be made."""
    values = ["pii-canary-", "piicanary", NAME, TOKEN]
    for number in range(PEOPLE):
        digits = phone(number)
        values += [digits, f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"]
    return [value.lower().encode() for value in values]


def hashes() -> list[bytes]:
    """What may be in the state and on the wire, and must not be told or put into the store."""
    found = [sha256(email(number)) for number in range(PEOPLE)]
    found += [sha256(f"1{phone(number)}") for number in range(PEOPLE)]
    return [text.encode() for text in found] + [bytes.fromhex(text) for text in found]


def write_people(project: Project, *, first: int, last: int) -> None:
    lines = ["customer_id,email,work_email,phone,home_phone,crm_id,first_name,last_name,opt_in"]
    for number in range(first, last):
        digits = phone(number)
        spelt = f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"
        lines.append(f'c{number},{email(number)},,"{spelt}",,,{NAME}{number},{NAME},yes')
    lines.append("bad1,pii-canary-bad at example,,pii-canary-phone,,,,,yes")
    lines.append(f"bad2,,,+1{phone(3)}999999,,,{NAME},,yes")
    (project.folder / "people.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def project(project: Project) -> Project:
    project.token, project.batch_rows = TOKEN, 9
    project.more_config = _MORE
    project.write_config()
    project.configure(tokens=[{"value": TOKEN}])
    (project.folder / "no.csv").write_text(f"email,phone\n{email(11)},{phone(12)}\n")
    (project.folder / "left.csv").write_text(f"id,email\nc9,{email(9)}\n")
    (project.folder / "broken.csv").write_text(
        'customer_id,email\n1,"pii-canary-1@example.com\n2,pii-canary-2@example.com,"x"y,z\n'
    )
    (project.folder / "broken.jsonl").write_text(
        '{"customer_id": 1, "email": "pii-canary-1@example.com"}\n{"email": "pii-canary-2@ex\n'
    )
    return project


class Told:
    """Everything that runs have said."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._texts: list[str] = []

    def run(self, *arguments: str, crash_at: int | None = None) -> Ended:
        ended = self._project.run(*arguments, crash_at=crash_at)
        self._texts += [ended.out, ended.err]
        return ended

    def run_for_people(self, *arguments: str) -> None:
        """As a table, with all that --verbose tells."""
        ended = self._project.start(*arguments, "--verbose").end()
        self._texts += [ended.out, ended.err]

    def text(self) -> bytes:
        return "\n".join(self._texts).lower().encode()


def go_through_everything(project: Project) -> Told:
    told = Told(project)
    write_people(project, first=0, last=16)
    assert told.run(*project.creation()).code == 0
    for at, command in enumerate(COMMANDS):
        write_people(project, first=at, last=16 + at)
        ended = told.run(*command, "--verbose")
        assert ended.code in (0, 1), str(ended)
    for at, fault in enumerate(
        (
            {"kind": "error", "code": 100, "path": "/users", "times": 0},
            {"kind": "status", "status": 500, "when": "after", "path": "/users", "times": 2},
            {"kind": "broken_json", "path": "/users", "times": 2},
            {"kind": "error", "code": 190, "subcode": 463, "times": 0},
        )
    ):
        write_people(project, first=at, last=20 + at)
        project.arm(fault)
        told.run("sync", "vip", "--allow-shrink", "--verbose")
        project.calm()
    for segment in ("torn", "odd"):
        told.run("check", segment, "--verbose")
        told.run("create", segment, "--connection", "meta-main", "--verbose")
        told.run("create", segment, "--connection", "meta-main")
    write_people(project, first=8, last=24)
    told.run_for_people("plan", "vip")
    told.run_for_people("check", "vip")
    told.run_for_people("sync", "vip", "--allow-shrink")
    latest = told.run("jobs").json["jobs"][0]["job_id"]
    told.run("jobs", "show", latest)
    write_people(project, first=2, last=18)
    for step in (12, 20, 28, 36):
        assert told.run("sync", "vip", "--allow-shrink", crash_at=step).was_killed
    return told


def files(folder: Path) -> Iterator[Path]:
    """Every file that audsync has written."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in WRITTEN_FOR_US:
            yield path


def contents(path: Path) -> bytes:
    """All of a file; a Parquet file's values as well, which may stand there compressed."""
    raw = path.read_bytes()
    if raw[:4] == b"PAR1" == raw[-4:]:
        raw += repr(pq.read_table(path).to_pylist()).encode()
    return raw.lower()


def test_marked_people_and_secrets_show_nowhere(project: Project) -> None:
    told = go_through_everything(project)
    written = {path: contents(path) for path in files(project.folder)}
    assert any(path.suffix == ".db" for path in written), "the store was looked at"
    assert any(path.name.endswith(".parquet") for path in written), "so was the state"
    bodies = json.dumps(
        [entry.get("body") for entry in project.look("requests?bodies=1")["requests"]]
    )
    places = {"stdout and stderr": told.text(), "bodies": bodies.lower().encode()}
    places |= {str(path.relative_to(project.folder)): text for path, text in written.items()}
    leaks = {
        f"{place}: {value!r}"
        for place, text in places.items()
        for value in raw_values()
        if value in text
    }
    assert leaks == set()

    stored = {place: text for place, text in places.items() if ".db" in place}
    quiet = {"stdout and stderr": told.text(), **stored}
    told_hashes = {
        place for place, text in quiet.items() for value in hashes() if value.lower() in text
    }
    assert told_hashes == set()
    assert any(sha256(email(number)) in bodies for number in range(PEOPLE)), "the canary did fly"
    assert sha256(email(11)) not in bodies, "she said no"
    assert project.look("violations")["violations"] == []
