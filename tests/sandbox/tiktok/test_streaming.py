import pytest

from tests.sandbox.tiktok.client import (
    ADVERTISER,
    DAY,
    HOUR,
    MAIL,
    NOT_EDITABLE,
    PHONE,
    TikTok,
    data,
    hashed,
    known,
    refused,
    slot,
)

OTHER = "7000000000000000002"
A, B, C = hashed("a"), hashed("b"), hashed("c")
NO_AUDIENCE = (40007, "The audience does not exist.")


class TestAudiences:
    def test_a_new_one_is_empty_and_of_type_partner(self, either: TikTok) -> None:
        audience = either.create("vip_buyers")
        assert audience == "900000000000000001"
        told = either.told(audience)
        details = told["audience_details"]
        assert details["create_time"] == told["audience_history"][0]["opt_time"]
        for moment in ("create_time", "expired_time"):
            assert len(details.pop(moment)) == len("2026-11-22 10:15:00")
        assert details == {
            "audience_id": audience,
            "name": "vip_buyers",
            "type": "Partner",
            "audience_sub_type": "NORMAL",
            "calculate_type": "MULTIPLE_TYPES",
            "cover_num": 0,
            "is_valid": False,
            "is_creator": True,
            "is_expiring": False,
            "is_auto_refresh": False,
            "shared": False,
            "owner_id": ADVERTISER,
            "msg": None,
            "error_msg": None,
            "rule": '{"inclusions": null, "exclusions": null}',
        }
        (line,) = told["audience_history"]
        del line["opt_time"]
        assert line == {
            "action": "create",
            "action_detail": "0",
            "editor": "open_api",
            "msg": None,
        }

    def test_its_times_are_gmt(self, tiktok: TikTok) -> None:
        details = tiktok.details(tiktok.create())
        assert details["create_time"] == "2026-11-22 10:15:00"
        assert details["expired_time"] == "2027-11-22 10:15:00"

    def test_create_is_what_happens_without_an_action(self, tiktok: TikTok) -> None:
        assert tiktok.details(tiktok.create(action="create"))
        assert tiktok.details(tiktok.create())
        answer = tiktok.post("segment/audience/", action="remove")
        assert refused(answer) == (40002, "action: Must be one of: create, delete.")

    def test_names_may_repeat(self, tiktok: TikTok) -> None:
        assert tiktok.create("same") != tiktok.create("same")

    @pytest.mark.parametrize("length", [70, 71, 500])
    def test_a_long_name_is_cut_without_a_word(self, tiktok: TikTok, length: int) -> None:
        name = tiktok.details(tiktok.create("n" * length))["name"]
        assert name == ("n" * 70 if length == 70 else "n" * 67 + "...")

    @pytest.mark.parametrize(
        ("name", "what"),
        [(None, "Missing data for required field."), ("", "Is empty."), (7, "Not a valid string.")],
    )
    def test_it_needs_a_name(self, tiktok: TikTok, name: object, what: str) -> None:
        answer = tiktok.post("segment/audience/", custom_audience_name=name)
        assert refused(answer) == (40002, f"custom_audience_name: {what}")

    def test_there_is_a_limit(self, tiktok: TikTok) -> None:
        tiktok.configure(max_audiences=1)
        tiktok.create()
        full = (40002, "The advertiser has reached its limit of 1 audiences.")
        assert refused(tiktok.post("segment/audience/", custom_audience_name="x")) == full

    def test_it_can_be_deleted_once(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        answer = tiktok.post("segment/audience/", action="delete", delete_audience_id=audience)
        assert data(answer) == {}
        assert tiktok.world.remotes("tiktok") == []
        again = tiktok.post("segment/audience/", action="delete", delete_audience_id=audience)
        assert refused(again) == NO_AUDIENCE
        assert refused(tiktok.add(audience, A)) == NO_AUDIENCE
        missing = tiktok.post("segment/audience/", action="delete")
        assert refused(missing) == (
            40002,
            "delete_audience_id: Missing data for required field.",
        )

    def test_only_its_own_path_deletes_it(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        path = "dmp/custom_audience/delete/"
        crossing = (
            40002,
            "custom_audience_ids: The audience type does not support this operation.",
        )
        assert refused(tiktok.post(path, custom_audience_ids=[audience])) == crossing
        crossing = (40002, "custom_audience_id: The audience type does not support this operation.")
        assert refused(tiktok.update(audience, custom_audience_name="x")) == crossing
        tiktok.configure(allows_cross_delete=True)
        assert data(tiktok.post(path, custom_audience_ids=[audience])) == {}

    def test_another_advertisers_is_out_of_reach(self, tiktok: TikTok) -> None:
        tiktok.configure(advertisers=[{}, {"id": OTHER}])
        audience = tiktok.create()
        forbidden = (40001, "No permission to operate this audience.")
        answer = tiktok.post(
            "segment/audience/", advertiser_id=OTHER, action="delete", delete_audience_id=audience
        )
        assert refused(answer) == forbidden
        rows = [[slot(A, audience)]]
        assert refused(tiktok.map(rows, advertiser_ids=[OTHER])) == forbidden
        assert data(tiktok.map(rows, advertiser_ids=[OTHER, ADVERTISER])) == {}


class TestMembers:
    def test_they_come_and_go(self, either: TikTok) -> None:
        audience = either.create()
        assert data(either.add(audience, A, B)) == {}
        assert either.remote(audience).identifiers == {(MAIL, A), (MAIL, B)}
        assert data(either.add(audience, B, C, action="delete")) == {}
        assert data(either.add(audience, A, A)) == {}
        assert either.remote(audience).identifiers == {(MAIL, A)}
        assert either.violations() == []

    def test_add_is_what_happens_without_an_action(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        assert data(tiktok.map([[slot(A, audience)]])) == {}
        assert tiktok.members(audience) == {A}

    def test_a_row_is_one_person(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        schema = [MAIL, PHONE, "IDFA_SHA256", "AAID_SHA256"]
        anna = [slot(A, audience), slot(B, audience), {}, {}]
        bert = [{}, slot(C, audience), {}, slot(A, audience)]
        assert data(tiktok.map([anna, bert], schema)) == {}
        persons = tiktok.remote(audience).persons
        anna_keys = frozenset({(MAIL, A), (PHONE, B)})
        bert_keys = frozenset({(PHONE, C), ("AAID_SHA256", A)})
        assert persons == {anna_keys, bert_keys}
        # A removal by one key takes that cell out, but the whole person.
        data(tiktok.map([[slot(B, audience)]], [PHONE], action="delete"))
        remote = tiktok.remote(audience)
        assert remote.identifiers == (anna_keys | bert_keys) - {(PHONE, B)}
        assert remote.persons == {bert_keys}

    def test_the_order_of_the_schema_is_that_of_the_slots(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        data(tiktok.map([[slot(A, audience), slot(B, audience)]], ["phone_sha256", "email_sha256"]))
        assert tiktok.remote(audience).identifiers == {(PHONE, A), (MAIL, B)}

    def test_hashes_may_be_in_upper_case_and_md5_for_devices(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        md5 = "d57f8e24a33c09a743d3cdc8c40cbbed"
        row = [slot(A.upper(), audience), slot(md5, audience)]
        data(tiktok.map([row], [MAIL, "AAID_MD5"]))
        assert tiktok.remote(audience).identifiers == {(MAIL, A), ("AAID_MD5", md5)}

    def test_one_call_serves_several_audiences(self, tiktok: TikTok) -> None:
        one, two = tiktok.create(), tiktok.create()
        rows = [
            [slot(A, one, two), slot(A, one, two)],
            [slot(B, one), slot(B, two)],
            [slot(C, two), {}],
        ]
        data(tiktok.map(rows, [MAIL, PHONE]))
        assert tiktok.remote(one).identifiers == {(MAIL, A), (PHONE, A), (MAIL, B)}
        assert tiktok.remote(two).identifiers == {(MAIL, A), (PHONE, A), (PHONE, B), (MAIL, C)}

    def test_a_call_of_the_largest_size(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        rows = [[slot(hashed(str(number)), audience)] for number in range(10_001)]
        assert data(tiktok.map(rows[:10_000])) == {}
        assert tiktok.remote(audience).person_count == 10_000
        told = "batch_data: Longer than maximum length 10000."
        assert refused(tiktok.map(rows)) == (40061, told)
        tiktok.configure(too_many_rows_code=40011)
        assert refused(tiktok.map(rows)) == (40011, told)


KNOWN_SCHEMA = (
    "id_schema: Must be some of: EMAIL_SHA256, PHONE_SHA256, IDFA_SHA256, AAID_SHA256,"
    " IDFA_MD5, AAID_MD5."
)
SLOT = {"id": A, "audience_ids": ["900000000000000001"]}


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"action": "ADD"}, "action: Must be one of: add, delete."),
        ({"action": "remove"}, "action: Must be one of: add, delete."),
        ({"id_schema": None}, "id_schema: Missing data for required field."),
        ({"id_schema": "EMAIL_SHA256"}, "id_schema: Not a valid list."),
        ({"id_schema": [MAIL, "email_sha256"]}, "id_schema: Must not name an id type twice."),
        *(
            (
                {"id_schema": schema},
                KNOWN_SCHEMA,
            )
            for schema in ([], ["GAID_SHA256"], ["EXTERNAL_ID"])
        ),
        ({"batch_data": None}, "batch_data: Missing data for required field."),
        ({"batch_data": []}, "batch_data: Must be a list of 1 to 10000 rows."),
        ({"batch_data": {}}, "batch_data: Must be a list of 1 to 10000 rows."),
    ],
)
def test_the_fields_of_a_mapping(tiktok: TikTok, fields: dict[str, object], what: str) -> None:
    tiktok.create()
    body = {"id_schema": [MAIL], "batch_data": [[SLOT]], **fields}
    answer = tiktok.post(
        "segment/mapping/", advertiser_id=None, advertiser_ids=[ADVERTISER], **body
    )
    assert refused(answer) == (40002, what)
    assert tiktok.members("900000000000000001") == set()


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ([SLOT], "batch_data[1]: Must have one slot for each entry of id_schema."),
        ([SLOT, {}, {}], "batch_data[1]: Must have one slot for each entry of id_schema."),
        (SLOT, "batch_data[1]: Must have one slot for each entry of id_schema."),
        ([{}, {}], "batch_data[1]: Must have at least one id."),
        ([{}, A], "batch_data[1][1]: Must be empty or have id and audience_ids."),
        ([SLOT, None], "batch_data[1][1]: Must be empty or have id and audience_ids."),
        ([{"id": A}, {}], "batch_data[1][0]: Must be empty or have id and audience_ids."),
        ([{**SLOT, "x": 1}, {}], "batch_data[1][0]: Must be empty or have id and audience_ids."),
        ([{**SLOT, "id": ""}, {}], "batch_data[1][0].id: Not a valid string."),
        ([{**SLOT, "id": 7}, {}], "batch_data[1][0].id: Not a valid string."),
        (
            [{**SLOT, "audience_ids": []}, {}],
            "batch_data[1][0].audience_ids: Must be a list of audience ids.",
        ),
        (
            [{**SLOT, "audience_ids": [900000000000000001]}, {}],
            "batch_data[1][0].audience_ids: Not a valid list of strings.",
        ),
        ([{**SLOT, "id": A[:-1]}, {}], "batch_data[1][0].id: Must be 64 hexadecimal digits."),
        ([{**SLOT, "id": "g" * 64}, {}], "batch_data[1][0].id: Must be 64 hexadecimal digits."),
        ([{}, SLOT], "batch_data[1][1].id: Must be 32 hexadecimal digits."),
    ],
)
def test_the_rows_of_a_mapping(tiktok: TikTok, row: object, what: str) -> None:
    audience = tiktok.create()
    answer = tiktok.map([[SLOT, {}], row], [MAIL, "IDFA_MD5"])
    assert refused(answer) == (40002, what)
    assert tiktok.members(audience) == set()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("jane@example.com", "raw_email"),
        ("+16577770000", "raw_phone"),
        ("657 777-0000", "raw_phone"),
        ("aebe52e7-03ee-455a-b3c4-e57283966239", "raw_device_id"),
    ],
)
def test_raw_values_are_refused_and_noted(tiktok: TikTok, value: str, kind: str) -> None:
    audience = tiktok.create()
    answer = tiktok.add(audience, A, value, value)
    assert refused(answer) == (40062, "batch_data[1][0].id: PII data is not hashed.")
    assert tiktok.violations() == [(kind, MAIL, 2)]
    assert value not in repr(tiktok.world.journal.violations)


def test_the_hash_of_nothing_is_noted(tiktok: TikTok) -> None:
    audience = tiktok.create()
    assert data(tiktok.add(audience, hashed(""))) == {}
    assert tiktok.violations() == [("hash_of_nothing", MAIL, 1)]


def test_device_ids_hashed_in_two_ways_are_noted_once(tiktok: TikTok) -> None:
    audience = tiktok.create()
    md5 = "d57f8e24a33c09a743d3cdc8c40cbbed"
    for _ in range(2):
        data(tiktok.map([[slot(A, audience)]], ["IDFA_SHA256"]))
        data(tiktok.map([[slot(md5, audience)]], ["IDFA_MD5"]))
    assert tiktok.violations() == [("mixed_device_hashes", "id_schema", 1)]


def test_unknown_and_file_audiences_take_no_rows(tiktok: TikTok) -> None:
    files = tiktok.create_from(tiktok.path_of([A]))
    for audience in ("900000000000000009", files):
        assert refused(tiktok.add(audience, A)) == NO_AUDIENCE


class TestTime:
    def test_sizes_show_a_day_later(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        digests = known(1_000)
        data(tiktok.add(audience, *digests))
        tiktok.world.advance(DAY - 1)
        assert tiktok.details(audience)["cover_num"] == 0
        tiktok.world.advance(1)
        details = tiktok.details(audience)
        assert (details["cover_num"], details["is_valid"]) == (1_000, True)
        data(tiktok.add(audience, digests[0], action="delete"))
        assert tiktok.details(audience)["is_valid"]
        tiktok.world.advance(DAY)
        details = tiktok.details(audience)
        assert (details["cover_num"], details["is_valid"]) == (999, False)

    def test_steady_changes_do_not_keep_sizes_from_showing(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        for digest in known(30):
            data(tiktok.add(audience, digest))
            tiktok.world.advance(HOUR)
        assert tiktok.details(audience)["cover_num"] >= 24

    def test_people_whom_tiktok_does_not_know_do_not_count(self, tiktok: TikTok) -> None:
        audience = tiktok.create()
        data(tiktok.add(audience, "0" * 63 + "f", "0" * 64))
        assert tiktok.remote(audience).facts["matched"] == 1

    def test_mapping_may_take_its_time(self, tiktok: TikTok) -> None:
        tiktok.configure(mapping_delay_h=2)
        audience = tiktok.create()
        data(tiktok.add(audience, A, B))
        assert tiktok.members(audience) == set()
        assert tiktok.remote(audience).facts["waiting"][0]["action"] == "add"
        tiktok.world.advance(HOUR)
        data(tiktok.add(audience, C))
        assert tiktok.violations() == []
        data(tiktok.add(audience, B, C, action="delete"))
        assert tiktok.violations() == [("opposites_in_flight", "", 2)]
        tiktok.world.advance(HOUR)
        assert tiktok.members(audience) == {A, B}
        tiktok.world.advance(HOUR)
        assert tiktok.members(audience) == {A}

    def test_it_expires_when_nothing_happens_for_a_year(self, tiktok: TikTok) -> None:
        tiktok.configure(smallest_audience=1)
        audience = tiktok.create()
        data(tiktok.add(audience, "0" * 64))
        tiktok.world.advance(300 * DAY)
        data(tiktok.add(audience, "1" * 64))
        tiktok.world.advance(300 * DAY)
        assert not tiktok.details(audience)["is_expiring"]
        tiktok.world.advance(5 * DAY)
        details = tiktok.details(audience)
        assert (details["is_valid"], details["is_expiring"]) == (True, True)
        tiktok.world.advance(60 * DAY)
        details = tiktok.details(audience)
        assert (details["is_valid"], details["is_expiring"]) == (False, False)
        assert refused(tiktok.add(audience, A)) == NOT_EDITABLE
