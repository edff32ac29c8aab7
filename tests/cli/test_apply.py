"""`apply` makes the audiences that the file declares, and changes what can be changed."""

from tests.cli.conftest import Project


def declare(project: Project, **changes: object) -> None:
    audience = {"segment": "vip", "connection": "meta-main", "name": "VIP", **changes}
    project.save(audiences={"vip-meta": audience})


def test_declared_audiences_are_made_once_and_then_kept(project: Project) -> None:
    project.write(
        [{"id": n, "email": f"p{n}@example.com", "phone": "", "ltv": 1} for n in range(5)]
    )
    declare(project, every="12h")
    planned = project.run("apply", "--dry-run", "--json")
    assert planned.json["changes"] == [{"audience": "vip-meta", "step": "create", "differs": []}]
    assert project.run("status", "--json").json == {"audiences": []}
    made = project.run("apply", "--json")
    assert (made.exit_code, made.json["jobs"][0]["status"]) == (0, "completed")
    again = project.run("apply", "--json")
    assert again.json["jobs"] == []
    assert again.json["changes"][0]["step"] == "nothing"
    declare(project, every="6h", auto_sync=False, guard={"max_removed_percent": 10})
    changed = project.run("apply", "--json")
    assert changed.json["changes"][0]["differs"] == ["every", "auto_sync", "guard"]
    (status,) = project.run("status", "--json").json["audiences"]
    assert (status["sync_interval_hours"], status["auto_sync"]) == (6, False)


def test_what_cannot_change_is_refused_and_others_are_left_alone(project: Project) -> None:
    project.write(
        [{"id": n, "email": f"p{n}@example.com", "phone": "", "ltv": 1} for n in range(5)]
    )
    assert project.run("create", "vip", "--connection", "meta-main", "--id", "mine").exit_code == 0
    declare(project)
    assert project.run("apply").exit_code == 0
    other = {**project.config["segments"]["vip"]}
    project.save(segments={**project.config["segments"], "others": other})
    declare(project, segment="others")
    refused = project.run("apply", "--json")
    assert refused.exit_code == 2
    assert refused.json["jobs"][0]["error"]["code"] == "CONFIG_ERROR"
    steps = {one["audience"]: one["step"] for one in refused.json["changes"]}
    assert steps == {"vip-meta": "conflict", "mine": "undeclared"}
