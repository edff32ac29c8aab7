from tests.sandbox.client import Meta, error_of, hashed

HOUR, DAY = 3600, 86_400


def matching(number: int) -> str:
    """Digests of invented people; three in four of them are known to the platform."""
    return hashed(f"person-{number}")


def known(count: int) -> list[str]:
    found = (matching(number) for number in range(count * 3))
    return [digest for digest in found if digest[-1] < "c"][:count]


def bounds(meta: Meta, audience: str) -> tuple[int | None, int | None]:
    fields = "approximate_count_lower_bound,approximate_count_upper_bound"
    told = meta.call("GET", audience, params={"fields": fields}).json()
    return (
        told.get("approximate_count_lower_bound"),
        told.get("approximate_count_upper_bound"),
    )


def test_cells_and_persons_are_kept_apart(meta: Meta) -> None:
    audience = meta.create()
    mail, new_mail, phone = hashed("m"), hashed("n"), hashed("p")
    schema = ["EXTERN_ID", "EMAIL", "PHONE"]
    meta.upload(audience, schema, [["anna", mail, phone], ["bert", "", ""]])
    remote = meta.remote(audience)
    anna = frozenset({("EXTERN_ID", "anna"), ("EMAIL", mail), ("PHONE", phone)})
    bert = frozenset({("EXTERN_ID", "bert")})
    assert remote.identifiers == anna | bert
    assert remote.persons == {anna, bert}

    # Her e-mail goes: that cell only, but the whole person.
    meta.upload(audience, ["EMAIL"], [[mail]], method="DELETE")
    remote = meta.remote(audience)
    assert remote.identifiers == (anna | bert) - {("EMAIL", mail)}
    assert remote.persons == {bert}

    # Any of her keys brings her back, with what is new about her.
    meta.upload(audience, ["EXTERN_ID", "EMAIL"], [["anna", new_mail]])
    assert meta.remote(audience).persons == {anna | {("EMAIL", new_mail)}, bert}


def test_a_shared_identifier_ties_two_people_into_one(meta: Meta) -> None:
    audience, other = meta.create(), meta.create()
    meta.upload(audience, ["EXTERN_ID"], [["a"], ["b"]])
    meta.upload(other, ["EXTERN_ID"], [["b"]])
    assert meta.remote(audience).person_count == 2
    phone = hashed("p")
    meta.upload(audience, ["EXTERN_ID", "PHONE"], [["a", phone], ["b", phone]])
    both = frozenset({("EXTERN_ID", "a"), ("EXTERN_ID", "b"), ("PHONE", phone)})
    assert meta.remote(audience).persons == {both}
    assert meta.remote(other).persons == {both}
    meta.upload(audience, ["EXTERN_ID"], [["a"]], method="DELETE")
    assert meta.remote(audience).persons == frozenset()
    assert meta.remote(audience).identifiers == {("EXTERN_ID", "b"), ("PHONE", phone)}


def test_match_fields_identify_nobody(meta: Meta) -> None:
    audience = meta.create()
    country = hashed("us")
    schema = ["EXTERN_ID", "COUNTRY", "FN"]
    meta.upload(audience, schema, [["a", country, country], ["b", country, country]])
    meta.upload(audience, ["FN", "COUNTRY"], [[country, country]])
    remote = meta.remote(audience)
    assert remote.identifiers == {("EXTERN_ID", "a"), ("EXTERN_ID", "b")}
    assert remote.person_count == 2


def test_removing_somebody_unknown_changes_nothing(meta: Meta) -> None:
    audience = meta.create()
    meta.upload(audience, ["EXTERN_ID"], [["a"]])
    answer = meta.upload(audience, ["EXTERN_ID"], [["z"]], method="DELETE")
    assert answer.json()["num_received"] == 1
    assert meta.remote(audience).identifiers == {("EXTERN_ID", "a")}


def test_adding_twice_adds_once(meta: Meta) -> None:
    audience = meta.create()
    for _ in range(2):
        meta.upload(audience, ["EXTERN_ID"], [["a"], ["a"]])
    assert meta.remote(audience).person_count == 1


def test_erase_takes_a_person_out_of_every_audience(meta: Meta) -> None:
    one, two = meta.create(), meta.create()
    for audience in (one, two):
        meta.upload(audience, ["EXTERN_ID"], [["a"], ["b"]])
    answer = meta.upload(
        "act_1001", ["EXTERN_ID"], [["a"]], method="DELETE", edge="usersofanyaudience"
    )
    assert answer.json()["num_received"] == 1
    for audience in (one, two):
        assert meta.remote(audience).identifiers == {("EXTERN_ID", "b")}


def test_members_age_out_unless_they_are_sent_again(meta: Meta) -> None:
    audience = meta.create(retention_days="2")
    meta.upload(audience, ["EXTERN_ID"], [["a"], ["b"]])
    meta.world.advance(1.5 * DAY)
    meta.upload(audience, ["EXTERN_ID"], [["b"]])
    meta.world.advance(1 * DAY)
    assert meta.remote(audience).identifiers == {("EXTERN_ID", "b")}
    assert meta.remote(audience).person_count == 1


def test_sizes_show_hours_later_rounded_and_never_small(meta: Meta) -> None:
    audience = meta.create()
    digests = known(1234)
    meta.upload(audience, ["EMAIL"], [[digest] for digest in digests])
    assert bounds(meta, audience) == (None, None)
    meta.world.advance(HOUR)
    assert bounds(meta, audience) == (1200, 1300)
    told = meta.call("GET", audience, params={"fields": "delivery_status"}).json()
    assert told["delivery_status"]["code"] == 200
    meta.upload(audience, ["EMAIL"], [[digest] for digest in digests[50:]], method="DELETE")
    assert bounds(meta, audience) == (1200, 1300)
    meta.world.advance(HOUR)
    assert bounds(meta, audience) == (1000, 1000)
    told = meta.call("GET", audience, params={"fields": "delivery_status"}).json()
    assert told["delivery_status"]["code"] == 300


def test_people_without_a_matching_hash_are_not_counted(meta: Meta) -> None:
    audience = meta.create()
    unknown = "0" * 63 + "f"
    meta.upload(audience, ["EXTERN_ID", "EMAIL"], [["a", unknown], ["b", "0" * 64], ["c", ""]])
    assert meta.remote(audience).facts["matched"] == 1


def test_a_removal_that_leaves_too_few_people_can_be_refused(meta: Meta) -> None:
    meta.configure(smallest_audience=2)
    audience = meta.create()
    digests = known(3)
    meta.upload(audience, ["EMAIL"], [[digest] for digest in digests])
    answer = meta.upload(audience, ["EMAIL"], [[digests[0]]], method="DELETE")
    assert answer.status_code == 200
    error = error_of(meta.upload(audience, ["EMAIL"], [[digests[1]]], method="DELETE"))
    assert (error["code"], error["error_subcode"]) == (200, 1870047)
    assert meta.remote(audience).person_count == 2


def test_device_ids_are_the_same_in_any_case(meta: Meta) -> None:
    audience = meta.create()
    device = "AB1234CD-E123-12FA-B123-4567890ABCDE"
    meta.upload(audience, ["MADID"], [[device], [device.lower()]])
    assert meta.remote(audience).identifiers == {("MADID", device.lower())}
