"""A platform that does not exist is added as CONTRIBUTING.md says, and everything works on it.

`enlisted` is the recipe: each of its lines stands for one that a real platform adds to a file.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import Field

from audsync.config.connections import Connection
from audsync.config.credentials import Credentials
from audsync.config.load import load_config
from audsync.config.model import Features
from audsync.config.values import Secret, Section
from audsync.connectors import registry
from audsync.connectors.contract import Access
from audsync.domain import Kind, Platform, RemoteId
from audsync.identifiers import rules
from audsync.sandbox import platforms
from audsync.sandbox.contract import Report, Simulated
from audsync.sandbox.serve import serve
from audsync.sandbox.world import World
from audsync.services import audiences, stale
from audsync.services.connections.sandbox_access import connections_to
from audsync.services.demo import verdict
from audsync.services.demo.sample_people import first_day, next_day, write
from audsync.services.wiring.runtime import Runtime
from tests.conformance import test_membership, test_trouble
from tests.conformance.conftest import Stage, Subject, acting_out
from tests.conformance.postcards import connector as postcards
from tests.conformance.postcards.sandbox import GUIDE, MAX_ROWS, NAME, PostcardsSandbox

SEGMENT = """
segments:
  vip:
    source: {type: file, path: customers.csv}
    columns: {profile_id: customer_id, email: email, phone: phone, consent: opt_in}
suppress:
  - {type: file, path: opt_outs.csv, columns: {email: email}}
"""


class PostcardsCredentials(Credentials):
    key: Secret = Field(description="The office's key.")


class PostcardsConnection(Connection):
    platform: Platform = Field(description="The platform.")
    credentials: PostcardsCredentials | None = Field(default=None, description="Secrets.")
    options: Section = Field(default_factory=Section, description="None.")


@pytest.fixture
def enlisted(monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The platform, known to every list that names all platforms."""
    # domain.py: a word
    word = str.__new__(Platform, NAME)
    word._name_, word._value_ = NAME.upper(), NAME
    monkeypatch.setitem(Platform._value2member_map_, NAME, word)

    # sandbox/platforms.py: a line
    def built(report: Report) -> dict[str, Simulated]:
        return {**platforms.build(report), NAME: PostcardsSandbox(report)}

    monkeypatch.setattr("audsync.sandbox.world.build", built)
    # connectors/postcards/: the folder, and connectors/registry.py: a line
    monkeypatch.setitem(sys.modules, f"audsync.connectors.{NAME}.connector", postcards)
    monkeypatch.setitem(vars(registry)["_SPECS"], word, postcards.spec)
    # identifiers/rules.py: how it takes each kind
    google = rules.RULES[Platform.GOOGLE]
    taken = {kind: google[kind] for kind in (Kind.EMAIL, Kind.PHONE)}
    monkeypatch.setattr(rules, "RULES", {**rules.RULES, word: taken})
    # config/model.py: its switch
    monkeypatch.setattr(Features, f"audience_sync_{NAME}", True, raising=False)
    return word


@pytest.fixture
def stage(enlisted: Platform) -> Iterator[Stage]:
    """tests/conformance/conftest.py: an entry in SUBJECTS."""
    subject = Subject(
        platform=enlisted,
        access=Access(
            account=GUIDE.account,
            base_url=f"http://sandbox/{NAME}",
            credentials=GUIDE.credentials,
        ),
        keys={Kind.EMAIL: ("email", True), Kind.PHONE: ("phone", True)},
        trouble={"credentials unknown": {"key": "another"}},
        members_path="/members",
        most_rows=MAX_ROWS,
    )
    yield from acting_out(subject)


audience = test_membership.audience
for _module in (test_membership, test_trouble):
    globals().update(
        {name: test for name, test in vars(_module).items() if name.startswith("test_")}
    )


@pytest.fixture
def shop(enlisted: Platform, tmp_path: Path) -> Iterator[tuple[Runtime, World]]:
    """A segment, a connection to the platform, and what it holds."""
    del enlisted
    file = tmp_path / "audsync.yaml"
    file.write_text(SEGMENT, "utf-8")
    with serve() as running:
        way_in = connections_to(running.world.platforms, running.url)[NAME]
        config = load_config(file, {})
        config.connections["ads"] = PostcardsConnection.model_validate(way_in)  # type: ignore[assignment]
        runtime = Runtime(config=config)
        yield runtime, running.world
        runtime.database.dispose()


def test_a_segment_is_kept_in_step_on_it(shop: tuple[Runtime, World], tmp_path: Path) -> None:
    runtime, world = shop
    crowd = first_day(300)
    write(crowd, tmp_path)
    new = audiences.NewAudience(segment="vip", connection="ads", slug="a")
    assert audiences.create(runtime, new).exit_code == 0
    assert verdict.judge(world, NAME, crowd).is_exact
    later, _ = next_day(crowd)
    write(later, tmp_path)
    report = audiences.sync(runtime, "a", allow_shrink=True)
    assert (report.exit_code, report.job["platform"]) == (0, NAME)
    assert verdict.judge(world, NAME, later).is_exact
    assert audiences.replace(runtime, "a").exit_code == 0
    assert verdict.judge(world, NAME, later).is_exact
    assert audiences.delete(runtime, "a").exit_code == 0
    assert world.remotes(NAME) == []


def test_status_knows_it_and_a_lost_audience_is_made_anew(
    shop: tuple[Runtime, World], tmp_path: Path
) -> None:
    runtime, world = shop
    crowd = first_day(300)
    write(crowd, tmp_path)
    audiences.create(runtime, audiences.NewAudience(segment="vip", connection="ads", slug="a"))
    assert audiences.refresh(runtime) == {}
    (shown,) = audiences.status(runtime)
    assert shown["size_upper"] > 100
    connector = runtime.connect("ads")
    connector.delete(RemoteId(shown["platform_audience_id"]))
    connector.close()
    assert audiences.sync(runtime, "a").job["error"]["code"] == "AUDIENCE_NOT_FOUND"
    assert stale.recreate(runtime, "a").exit_code == 0
    assert verdict.judge(world, NAME, crowd).is_exact
