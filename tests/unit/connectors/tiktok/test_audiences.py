import pytest

from audsync.connectors.tiktok import audiences
from audsync.connectors.tiktok.audiences import FILED, STREAMED
from audsync.errors import OutcomeUnknownError


@pytest.mark.parametrize(
    ("kind", "is_streamed", "is_filed"),
    [
        ("Partner", True, False),
        ("partner audience", True, False),
        ("Customer File Audience", False, True),
        ("Lookalike Audience", False, False),
        ("", True, True),
    ],
)
def test_a_type_tells_the_path_of_an_audience(kind: str, is_streamed: bool, is_filed: bool) -> None:
    assert (STREAMED.has(kind), FILED.has(kind)) == (is_streamed, is_filed)


def test_a_page_tells_the_type_and_age_of_each_audience() -> None:
    entries = [
        {"audience_id": "10", "name": "vip", "audience_type": "Partner", "create_time": "b"},
        {"audience_id": "9", "name": "vip", "audience_type": "Partner", "create_time": "b"},
        {"audience_id": 99, "name": None, "audience_type": "Lookalike Audience"},
    ]
    page = audiences.page({"data": {"list": entries, "page_info": {"total_page": 3}}})
    assert page.pages == 3
    assert [STREAMED.has(each.kind) for each in page.audiences] == [True, True, False]
    assert [each.id for each in sorted(page.audiences, key=lambda each: each.age_key)] == [
        "99",
        "9",
        "10",
    ]


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"list": []},
        {"list": [], "page_info": {}},
        {"list": [], "page_info": {"total_page": "1"}},
        {"list": None, "page_info": {"total_page": 1}},
        {"list": [{"name": "vip"}], "page_info": {"total_page": 1}},
    ],
)
def test_what_is_no_page_is_unusable(data: object) -> None:
    with pytest.raises(OutcomeUnknownError):
        audiences.page({"data": data})
