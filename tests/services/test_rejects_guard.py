"""A source whose values suddenly are wrong does not thin an audience out."""

from tests.services.conftest import Project


def people(*, bad_phones: int) -> list[dict[str, str]]:
    """A hundred people, some of whose phone numbers are in a shape that nobody can read."""
    return [
        {
            "id": str(n),
            "email": f"u{n}@x.co",
            "phone": "n/a" if n < bad_phones else f"+1202555{n:04}",
        }
        for n in range(100, 200)
    ]


def test_a_rise_of_rejects_is_refused_until_a_person_says_it_is_meant(project: Project) -> None:
    project.segment(people(bad_phones=105))
    assert project.create().exit_code == 0
    held = project.held()
    project.segment(people(bad_phones=140))
    refused = project.sync()
    assert (refused.exit_code, refused.job["error"]["code"]) == (7, "GUARD_REFUSED")
    assert refused.job["error"]["details"]["guards"] == ["max_rejects_rise_percent"]
    assert "40.0 % of the phone values are rejected, 5.0 %" in refused.job["error"]["message"]
    assert project.held() == held
    assert project.sync(allow_shrink=True).exit_code == 0
    assert len(project.held()) == 160
    project.segment([*people(bad_phones=140), {"id": "new", "email": "new@x.co"}])
    assert project.sync().exit_code == 0, "what was meant once is the measure from then on"


def test_a_refused_run_is_no_measure(project: Project) -> None:
    project.segment(people(bad_phones=100))
    project.create()
    project.segment(people(bad_phones=130))
    assert [project.sync().exit_code for _ in range(2)] == [7, 7]
