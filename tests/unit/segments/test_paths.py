"""Ways into nested values, and lists, in JSON Lines, JSON and Parquet."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from audsync.errors import SourceError
from audsync.segments.paths import ALL, parse
from audsync.segments.paths import Path as Way

Take = Callable[..., list[dict[str, Any]]]
Write = Callable[[Path, Sequence[Mapping[str, Any]]], Path]
Refuse = Callable[..., SourceError]
NESTED = ["jsonl", "json", "parquet"]
PEOPLE: list[dict[str, Any]] = [
    {
        "id": "1",
        "contact": {"email": "ann@x.co", "phones": ["+441", "+442"], "e-mail": "odd"},
        "mails": [{"to": "a@x.co"}, {"to": "b@x.co"}],
        "tags": ["x"],
    },
    {
        "id": "2",
        "contact": {"email": None, "phones": [], "e-mail": None},
        "mails": [],
        "tags": None,
    },
]


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("contact.email", Way(root="contact", steps=("email",))),
        ("$.contact.email", Way(root="contact", steps=("email",))),
        ("$.email", Way(root="email", steps=())),
        ('$["a.b"].c', Way(root="a.b", steps=("c",))),
        ("emails[*]", Way(root="emails", steps=(ALL,))),
        ("$.a[0].b", Way(root="a", steps=(0, "b"))),
        ("a[*].b", Way(root="a", steps=(ALL, "b"))),
        ("email", None),
        ("$", None),
        ("a..b", None),
        ("a.", None),
        ("a[*].b[*]", None),
        ("[0].a", None),
        ("$[*]", None),
        ("e'm\"a}i{l 名, {files}", None),
        ("a[-1]", None),
    ],
)
def test_which_names_are_ways(text: str, way: Way | None) -> None:
    assert parse(text) == way


@pytest.mark.parametrize("ending", NESTED)
def test_a_way_leads_to_a_value(tmp_path: Path, write: Write, take: Take, ending: str) -> None:
    path = write(tmp_path / f"a.{ending}", PEOPLE)
    columns = {
        "profile_id": ("$.id",),
        "email": ("contact.email", '$.contact["e-mail"]'),
        "phone": ("$.contact.phones[1]",),
        "first_name": ("mails[0].to",),
    }
    rows = take(path, columns=columns, traits=("contact.email",))
    assert [row["profile_id"] for row in rows] == ["1", "2"]
    assert [(row["email.0"], row["email.1"]) for row in rows] == [("ann@x.co", "odd"), (None, None)]
    assert [row["phone.0"] for row in rows] == ["+442", None]
    assert [row["first_name.0"] for row in rows] == ["a@x.co", None]
    assert [row["trait.contact.email"] for row in rows] == ["ann@x.co", None]


@pytest.mark.parametrize("ending", NESTED)
def test_a_list_is_several_values(tmp_path: Path, write: Write, take: Take, ending: str) -> None:
    path = write(tmp_path / f"a.{ending}", PEOPLE)
    columns = {
        "profile_id": ("id",),
        "email": ("mails[*].to", "contact.email"),
        "phone": ("contact.phones[*]",),
        "external_id": ("$.tags[*]",),
    }
    first, second = take(path, columns=columns)
    assert values(first, "email") == ["a@x.co", "ann@x.co", "b@x.co"]
    assert values(first, "phone") == ["+441", "+442"]
    assert values(first, "external_id") == ["x"]
    assert [values(second, label) for label in ("email", "phone", "external_id")] == [[], [], []]


def values(row: Mapping[str, Any], label: str) -> list[str]:
    return [row[name] for name in row if name.startswith(f"{label}.") and row[name] is not None]


def test_a_parquet_list_needs_no_star(tmp_path: Path, write: Write, take: Take) -> None:
    path = write(tmp_path / "a.parquet", PEOPLE)
    (first, _) = take(path, columns={"profile_id": ("id",), "phone": ("contact.phones",)})
    assert values(first, "phone") == ["+441", "+442"]


def test_json_may_have_a_list_in_one_record_and_a_value_in_the_next(
    tmp_path: Path, take: Take
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "email": ["a", 7]}\n{"id": 2, "email": "b"}\n{"id": 3}\n')
    rows = take(path, columns={"profile_id": ("id",), "email": ("email[*]",)})
    assert [values(row, "email") for row in rows] == [["a", "7"], ["b"], []]


def test_lists_in_one_file_and_values_in_another(tmp_path: Path, write: Write, take: Take) -> None:
    write(tmp_path / "a.parquet", [{"id": "1", "email": ["a", "b"]}])
    write(tmp_path / "b.parquet", [{"id": "2", "email": "c"}])
    rows = take(tmp_path)
    assert [values(row, "email") for row in rows] == [["a", "b"], ["c"]]


def test_a_column_of_that_very_name_is_no_way(tmp_path: Path, write: Write, take: Take) -> None:
    for ending in ("csv", *NESTED):
        path = write(tmp_path / f"a.{ending}", [{"id": "1", "contact.email": "x"}])
        (row,) = take(path, columns={"profile_id": ("id",), "email": ("contact.email",)})
        assert row["email.0"] == "x"


def test_a_key_deep_down_that_only_late_records_have_is_found(tmp_path: Path, take: Take) -> None:
    text = '{"id": 1}\n' * 30_000 + '{"id": 2, "c": {"email": "late"}}\n'
    (tmp_path / "a.jsonl").write_text(text)
    rows = take(tmp_path / "a.jsonl", columns={"profile_id": ("id",), "email": ("c.email",)})
    assert rows[-1]["email.0"] == "late"


def test_where_sees_the_columns_as_they_are(tmp_path: Path, write: Write, take: Take) -> None:
    path = write(tmp_path / "a.parquet", [{"id": "1", "email": ["a"]}, {"id": "2", "email": []}])
    (row,) = take(path, where="len(email) > 0")
    assert row["profile_id"] == "1"


@pytest.mark.parametrize("ending", NESTED)
def test_a_way_that_leads_nowhere_is_told(
    tmp_path: Path, write: Write, refuse: Refuse, ending: str
) -> None:
    path = write(tmp_path / f"a.{ending}", PEOPLE)
    for name in ("contact.mail", "contract.email", "$.contact.nothing[*]"):
        error = refuse(path, columns={"profile_id": ("id",), "email": (name,)})
        assert f"has no column `{name}`, which `columns.email` names" in error.message


@pytest.mark.parametrize("ending", NESTED)
def test_too_many_values_and_structures_are_told_with_their_place(
    tmp_path: Path, write: Write, refuse: Refuse, ending: str
) -> None:
    columns = {"profile_id": ("id",), "email": ("mails[*]",)}
    good: list[dict[str, Any]] = [{"id": "1", "mails": ["a"]}] * 20
    many = write(tmp_path / f"a.{ending}", [*good, {"id": "2", "mails": ["SECRET"] * 11}])
    error = refuse(many, columns=columns)
    assert "more than 10 values" in error.message
    assert ("line 21" if ending == "jsonl" else "record 21") in error.message


@pytest.mark.parametrize("value", [{"SECRET": 1}, [{"SECRET": 1}], [["SECRET"]]])
def test_structures_in_a_json_list_are_refused(
    tmp_path: Path, write: Write, refuse: Refuse, value: object
) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": "1", "email": "a"}, {"id": "2", "email": value}])
    error = refuse(path, columns={"profile_id": ("id",), "email": ("email[*]",)})
    assert error.message.startswith(f"{path}, line 2: column `email[*]` holds nested values")


@pytest.mark.parametrize("ending", NESTED)
def test_where_one_value_is_wanted_a_list_is_refused(
    tmp_path: Path, write: Write, refuse: Refuse, ending: str
) -> None:
    path = write(tmp_path / f"a.{ending}", PEOPLE)
    error = refuse(path, columns={"profile_id": ("id",), "first_name": ("tags[*]",)})
    assert "`first_name` wants one value" in error.message
