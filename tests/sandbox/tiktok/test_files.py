from typing import Any

import pytest

from tests.sandbox.tiktok.client import (
    DAY,
    MAIL,
    NOT_EDITABLE,
    PHONE,
    TikTok,
    data,
    hashed,
    known,
    refused,
)

OTHER = "7000000000000000002"
A, B = hashed("ana.silva@example.org"), hashed("omar.k@example.org")
CREATE = "dmp/custom_audience/create/"
DELETE = "dmp/custom_audience/delete/"


class TestCreate:
    def test_it_is_ready_a_day_later(self, either: TikTok) -> None:
        digests = known(1_000)
        audience = either.create_from(either.path_of(digests[:600]), either.path_of(digests[600:]))
        details = either.details(audience)
        assert details["type"] == "Customer File Audience"
        assert (details["calculate_type"], details["cover_num"]) == (MAIL, 0)
        assert not details["is_valid"]
        assert either.members(audience) == set()
        either.world.advance(DAY)
        details = either.details(audience)
        assert (details["cover_num"], details["is_valid"]) == (1_000, True)
        assert either.remote(audience).identifiers == {(MAIL, digest) for digest in digests}
        assert either.violations() == []

    def test_a_small_one_stays_empty_for_ever(self, tiktok: TikTok) -> None:
        digests = known(999)
        audience = tiktok.create_from(tiktok.path_of(digests))
        tiktok.world.advance(DAY)
        told = tiktok.told(audience)
        assert told["audience_details"]["cover_num"] == 0
        assert not told["audience_details"]["is_valid"]
        why = "The audience size would be less than 1000."
        assert told["audience_details"]["error_msg"] == why
        assert [line["msg"] for line in told["audience_history"]] == [None, why]
        assert tiktok.members(audience) == set()
        path = tiktok.path_of(known(2_000))
        answer = tiktok.update(audience, action="APPEND", file_paths=[path])
        assert refused(answer) == NOT_EDITABLE

    @pytest.mark.parametrize(
        ("fields", "what"),
        [
            ({"custom_audience_name": None}, (40002, "custom_audience_name: Missing data")),
            (
                {"custom_audience_name": ""},
                (40002, "custom_audience_name: Length must be between 1 and 128."),
            ),
            ({"custom_audience_name": "n" * 129}, (40002, "custom_audience_name: Length")),
            ({"calculate_type": None}, (40002, "calculate_type: Missing data")),
            ({"calculate_type": "MAID_SHA256"}, (40002, "calculate_type: Must be one of")),
            ({"calculate_type": PHONE}, (40002, "calculate_type: Must be the type of every file")),
            ({"file_paths": None}, (40002, "file_paths: Missing data")),
            ({"file_paths": []}, (40002, "file_paths: Length must be between 1 and 500.")),
            ({"file_paths": ["0" * 16] * 501}, (40002, "file_paths: Length")),
            ({"file_paths": ["0" * 15]}, (40002, "file_paths: Each must have 16 characters.")),
            ({"file_paths": [7]}, (40002, "file_paths: Not a valid list of strings.")),
            ({"file_paths": "0" * 16}, (40002, "file_paths: Not a valid list.")),
            ({"file_paths": ["0" * 16]}, (40905, "The file does not exist.")),
            ({"audience_sub_type": "BIG"}, (40002, "audience_sub_type: Must be one of: NORMAL,")),
            ({"retention_in_days": 0}, (40002, "retention_in_days: Must be between 1 and 365.")),
            ({"retention_in_days": 366}, (40002, "retention_in_days: Must be between")),
            ({"retention_in_days": "30"}, (40002, "retention_in_days: Not a valid integer.")),
            ({"audience_enhancement": 1}, (40002, "audience_enhancement: Not a valid boolean.")),
        ],
    )
    def test_its_fields(
        self, tiktok: TikTok, fields: dict[str, Any], what: tuple[int, str]
    ) -> None:
        path = tiktok.path_of([A])
        body = {"custom_audience_name": "x", "calculate_type": MAIL, "file_paths": [path]}
        code, message = refused(tiktok.post(CREATE, **{**body, **fields}))
        assert (code, message[: len(what[1])]) == what
        assert tiktok.world.remotes("tiktok") == []

    def test_types_that_are_one(self, tiktok: TikTok) -> None:
        path = tiktok.path_of([A], "MAID_SHA256")
        assert tiktok.create_from(path, calculate_type="FIRST_SHA256")
        other = tiktok.path_of([A])
        answer = tiktok.post(
            CREATE, custom_audience_name="x", calculate_type=MAIL, file_paths=[other, path]
        )
        assert refused(answer)[1].startswith("calculate_type: Must be the type of every file")

    def test_a_file_ends_and_is_its_advertisers_own(self, tiktok: TikTok) -> None:
        tiktok.configure(advertisers=[{}, {"id": OTHER}])
        path = tiktok.path_of([A])
        body = {"custom_audience_name": "x", "calculate_type": MAIL, "file_paths": [path]}
        unknown = (40905, "The file does not exist.")
        assert refused(tiktok.post(CREATE, **body, advertiser_id=OTHER)) == unknown
        tiktok.world.advance(DAY)
        expired = (40910, "The file has expired; upload it again.")
        assert refused(tiktok.post(CREATE, **body)) == expired

    def test_there_is_a_limit(self, tiktok: TikTok) -> None:
        tiktok.configure(max_audiences=1)
        tiktok.create()
        answer = tiktok.post(
            CREATE,
            custom_audience_name="x",
            calculate_type=MAIL,
            file_paths=[tiktok.path_of([A])],
        )
        assert refused(answer) == (40002, "The advertiser has reached its limit of 1 audiences.")

    def test_retention_counts_from_creation(self, tiktok: TikTok) -> None:
        tiktok.configure(file_delay_h=0)
        digests = known(1_200)
        audience = tiktok.create_from(tiktok.path_of(digests), retention_in_days=30)
        details = tiktok.details(audience)
        assert (details["expired_time"], details["is_expiring"]) == ("2026-12-22 10:15:00", True)
        tiktok.world.advance(29 * DAY)
        path = tiktok.path_of(digests)
        data(tiktok.update(audience, action="APPEND", file_paths=[path]))
        tiktok.world.advance(DAY)
        assert not tiktok.details(audience)["is_valid"]
        answer = tiktok.update(audience, custom_audience_name="x")
        assert refused(answer) == NOT_EDITABLE
        assert data(tiktok.post(DELETE, custom_audience_ids=[audience])) == {}


class TestUpdate:
    @pytest.fixture
    def people(self) -> list[str]:
        return known(3_000)

    @pytest.fixture
    def audience(self, tiktok: TikTok, people: list[str]) -> str:
        """An audience of the first 2,000, ready."""
        made = tiktok.create_from(tiktok.path_of(people[:2_000]))
        tiktok.world.advance(DAY)
        return made

    def test_it_adds_removes_and_replaces(
        self, tiktok: TikTok, people: list[str], audience: str
    ) -> None:
        for action, given, left in (
            ("APPEND", people[1_500:2_500], people[:2_500]),
            ("REMOVE", people[1_000:], people[:1_000]),
            ("REPLACE", people[1_900:], people[1_900:]),
        ):
            before = tiktok.members(audience)
            path = tiktok.path_of(given)
            assert data(tiktok.update(audience, action=action, file_paths=[path])) == {}
            assert tiktok.members(audience) == before
            assert not tiktok.details(audience)["is_valid"]
            tiktok.world.advance(DAY)
            assert tiktok.members(audience) == set(left)
            assert tiktok.details(audience)["cover_num"] == len(left)
        history = tiktok.told(audience)["audience_history"]
        assert [line["action"] for line in history] == ["create", "append", "remove", "replace"]
        assert tiktok.violations() == []

    def test_it_cannot_be_edited_meanwhile(
        self, tiktok: TikTok, people: list[str], audience: str
    ) -> None:
        path = tiktok.path_of(people)
        data(tiktok.update(audience, action="APPEND", file_paths=[path]))
        tiktok.world.advance(DAY - 1)
        again = tiktok.update(audience, action="APPEND", file_paths=[tiktok.path_of(people)])
        assert refused(again) == NOT_EDITABLE
        assert refused(tiktok.update(audience, custom_audience_name="x")) == NOT_EDITABLE
        tiktok.world.advance(1)
        assert data(tiktok.update(audience, custom_audience_name="x")) == {}

    @pytest.mark.parametrize("action", ["REMOVE", "REPLACE"])
    def test_what_leaves_too_few_is_accepted_and_fails_later(
        self, tiktok: TikTok, people: list[str], audience: str, action: str
    ) -> None:
        given = people[999:] if action == "REMOVE" else people[:999]
        path = tiktok.path_of(given)
        assert data(tiktok.update(audience, action=action, file_paths=[path])) == {}
        tiktok.world.advance(DAY)
        told = tiktok.told(audience)
        why = "The audience size would be less than 1000."
        assert told["audience_details"]["error_msg"] == why
        assert told["audience_history"][-1]["msg"] == why
        assert tiktok.members(audience) == set(people[:2_000])
        assert told["audience_details"]["cover_num"] == 2_000
        # The next job that is accepted takes the old error away.
        path = tiktok.path_of(people)
        data(tiktok.update(audience, action="REPLACE", file_paths=[path]))
        assert tiktok.details(audience)["error_msg"] is None

    def test_without_an_action_it_replaces_and_that_is_noted(
        self, tiktok: TikTok, people: list[str], audience: str
    ) -> None:
        path = tiktok.path_of(people[2_000:])
        data(tiktok.update(audience, file_paths=[path], custom_audience_name="renamed"))
        tiktok.world.advance(DAY)
        assert tiktok.members(audience) == set(people[2_000:])
        assert tiktok.details(audience)["name"] == "renamed"
        assert tiktok.violations() == [("action_omitted", "action", 1)]

    @pytest.mark.parametrize(
        ("fields", "what"),
        [
            ({}, "file_paths: Missing data for required field."),
            ({"action": "APPEND"}, "file_paths: Missing data for required field."),
            (
                {"action": "APPEND", "custom_audience_name": "x"},
                "action: Can only be used together with file_paths.",
            ),
            (
                {"action": "DELETE", "file_paths": ["0" * 16]},
                "action: Must be one of: APPEND, REMOVE, REPLACE.",
            ),
            (
                {"custom_audience_name": "n" * 129},
                "custom_audience_name: Length must be between 1 and 128.",
            ),
            ({"id_list": [A]}, "id_list: Unknown field."),
            ({"audience_sub_type": "NORMAL"}, "audience_sub_type: Can only be changed from"),
        ],
    )
    def test_its_fields(
        self, tiktok: TikTok, audience: str, fields: dict[str, Any], what: str
    ) -> None:
        code, message = refused(tiktok.update(audience, **fields))
        assert (code, message[: len(what)]) == (40002, what)

    def test_the_type_must_be_the_same(self, tiktok: TikTok, audience: str) -> None:
        path = tiktok.path_of([A], PHONE)
        answer = tiktok.update(audience, action="APPEND", file_paths=[path])
        assert refused(answer)[1].startswith("calculate_type: Must be the type of every file")

    def test_the_sub_type_goes_one_way_and_alone(self, tiktok: TikTok, audience: str) -> None:
        change = {"audience_sub_type": "REACH_FREQUENCY", "custom_audience_name": "ignored"}
        assert data(tiktok.update(audience, **change)) == {}
        details = tiktok.details(audience)
        assert (details["audience_sub_type"], details["name"]) == ("REACH_FREQUENCY", "lapsed")
        assert refused(tiktok.update(audience, **change))[0] == 40002

    def test_it_must_be_there_and_ones_own(self, tiktok: TikTok, audience: str) -> None:
        tiktok.configure(advertisers=[{}, {"id": OTHER}])
        answer = tiktok.update("900000000000000099", custom_audience_name="x")
        assert refused(answer) == (40007, "The audience does not exist.")
        answer = tiktok.update(audience, custom_audience_name="x", advertiser_id=OTHER)
        assert refused(answer) == (40001, "No permission to operate this audience.")


class TestDelete:
    def test_it_deletes_several(self, tiktok: TikTok) -> None:
        made = [tiktok.create_from(tiktok.path_of([A])) for _ in range(3)]
        assert data(tiktok.post(DELETE, custom_audience_ids=made[:2])) == {}
        assert [remote.id for remote in tiktok.world.remotes("tiktok")] == made[2:]
        again = tiktok.post(DELETE, custom_audience_ids=made)
        assert refused(again) == (40007, "The audience does not exist.")
        assert [remote.id for remote in tiktok.world.remotes("tiktok")] == made[2:]

    def test_its_fields(self, tiktok: TikTok) -> None:
        name = "custom_audience_ids"
        missing = (40002, f"{name}: Missing data for required field.")
        assert refused(tiktok.post(DELETE)) == missing
        short = (40002, f"{name}: Shorter than minimum length 1.")
        assert refused(tiktok.post(DELETE, custom_audience_ids=[])) == short
        many = (40011, f"{name}: Longer than maximum length 100.")
        assert refused(tiktok.post(DELETE, custom_audience_ids=["1"] * 101)) == many

    def test_only_its_own_path_deletes_it(self, tiktok: TikTok) -> None:
        made = tiktok.create_from(tiktok.path_of([A]))
        answer = tiktok.post("segment/audience/", action="delete", delete_audience_id=made)
        crossing = "delete_audience_id: The audience type does not support this operation."
        assert refused(answer) == (40002, crossing)
        tiktok.configure(allows_cross_delete=True)
        answer = tiktok.post("segment/audience/", action="delete", delete_audience_id=made)
        assert data(answer) == {}


def test_what_waits_is_shown_and_may_be_done_at_once(tiktok: TikTok) -> None:
    made = tiktok.create_from(tiktok.path_of([A]))
    facts = tiktok.remote(made).facts
    assert facts["waiting"] == [{"action": "CREATE", "due_at": tiktok.world.clock.now() + DAY}]
    assert not facts["is_editable"]
    tiktok.configure(file_delay_h=0, smallest_audience=0)
    made = tiktok.create_from(tiktok.path_of([A, B]))
    assert tiktok.members(made) == {A, B}
    data(tiktok.update(made, action="REMOVE", file_paths=[tiktok.path_of([A])]))
    assert tiktok.members(made) == {B}
