"""A token that dies, a right that is taken, an audience that vanishes: before a run, and during it.

Nothing that a person did not allow is done, and once it is mended one clean run is exact.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from audsync.services import stale
from tests.crash.ways import GOOGLE, META, SNAPCHAT, TIKTOK, TIKTOK_FILES
from tests.faults.proxy import Mischief
from tests.faults.scene import Scene

Settings = Mapping[str, Any]
_META, _TIKTOK = {"value": "sandbox-meta-token"}, {"value": "sandbox-tiktok-token"}
_GOOGLE, _SNAPCHAT = {"value": "sandbox-google-refresh"}, {"value": "sandbox-snapchat-refresh"}
_TIKTOK_TROUBLE: dict[str, Settings] = {
    "dead": {"tokens": [{**_TIKTOK, "is_revoked": True}]},
    "no right": {"tokens": [{**_TIKTOK, "scopes": [3]}]},
}
TROUBLE: dict[str, dict[str, Settings]] = {
    META.label: {
        "dead": {"tokens": [{**_META, "expires_at": 1}]},
        "no right": {"tokens": [{**_META, "scopes": []}]},
        "terms": {"accounts": [{"id": "1001", "terms_accepted": False}]},
    },
    GOOGLE.label: {
        "dead": {"refresh_tokens": [{**_GOOGLE, "is_dead": True}]},
        "no right": {"refresh_tokens": [{**_GOOGLE, "scopes": []}]},
    },
    TIKTOK.label: _TIKTOK_TROUBLE,
    TIKTOK_FILES.label: _TIKTOK_TROUBLE,
    SNAPCHAT.label: {
        "dead": {"refresh_tokens": [{"value": "another"}]},
        "no right": {"accounts": [{"has_role": False}]},
    },
}
"""What to do to each platform; Meta alone has terms that are accepted by an account."""
MENDED: dict[str, Settings] = {
    META.label: {"tokens": [_META], "accounts": [{"id": "1001"}]},
    GOOGLE.label: {"refresh_tokens": [_GOOGLE]},
    TIKTOK.label: {"tokens": [_TIKTOK]},
    TIKTOK_FILES.label: {"tokens": [_TIKTOK]},
    SNAPCHAT.label: {"refresh_tokens": [_SNAPCHAT], "accounts": [{"has_role": True}]},
}
CODES = {
    "dead": {"CREDENTIALS_EXPIRED", "INVALID_CREDENTIALS"},
    "no right": {"PERMISSION_DENIED"},
    "terms": {"TERMS_NOT_ACCEPTED"},
}
LOGS_IN = (GOOGLE.label, SNAPCHAT.label)
"""Their tokens end after an hour, and the next is made with another secret."""


def do_in_mid_run(scene: Scene, settings: Settings) -> None:
    """When the second request with members comes, it is so on the platform already."""

    def change() -> None:
        if scene.way.label in LOGS_IN:  # what was made by the old rights ends
            scene.running.world.advance(3700)
        scene.running.world.platforms[scene.way.platform].configure(settings)

    scene.proxy.arm(Mischief(about=scene.way.members_path, nth=2, do=change))


@pytest.mark.parametrize("trouble", CODES)
@pytest.mark.parametrize("is_amid", [False, True], ids=["before", "amid"])
def test_what_a_person_must_mend_stops_it_and_is_made_good(
    scene: Scene, trouble: str, is_amid: bool
) -> None:
    settings = TROUBLE[scene.way.label].get(trouble)
    if settings is None:
        pytest.skip(f"{scene.way.label} has no such trouble")
    scene.batch_rows = 3
    if is_amid:
        do_in_mid_run(scene, settings)
    else:
        scene.pass_time(3700)
        scene.configure(**settings)
    scene.write_config()
    ended = scene.hurt()
    assert ended.code == 5, str(ended)
    assert ended.error["code"] in CODES[trouble], str(ended)
    assert scene.proxy.struck == is_amid
    scene.configure(**MENDED[scene.way.label])
    scene.resume()
    scene.heal()


def test_a_token_that_ends_in_mid_run_is_made_anew_and_nothing_is_lost(scene: Scene) -> None:
    if scene.way.label not in LOGS_IN:
        pytest.skip("its tokens are made by people")
    scene.batch_rows = 3
    do_in_mid_run(scene, {})
    scene.write_config()
    ended = scene.hurt()
    assert scene.proxy.struck
    assert ended.code == 0, str(ended)
    scene.heal()


@pytest.mark.parametrize("is_amid", [False, True], ids=["before", "amid"])
def test_an_audience_that_vanishes_is_made_anew_when_a_person_says_so(
    scene: Scene, is_amid: bool
) -> None:
    scene.batch_rows = 3
    scene.write_config()
    gone = scene.remotes()[0]["id"]
    if is_amid:
        scene.proxy.arm(
            Mischief(about=scene.way.members_path, nth=2, do=lambda: scene.delete_remotely(gone))
        )
    else:
        scene.delete_remotely(gone)
    ended = scene.hurt()
    assert (ended.code, ended.error["code"]) == (1, "AUDIENCE_NOT_FOUND"), str(ended)
    assert scene.sync().error["code"] == "AUDIENCE_STALE"
    again = scene.call(lambda runtime: stale.recreate(runtime, scene.slug, allow_shrink=True))
    assert again.code in (0, 3, 6), str(again)
    assert [remote["id"] for remote in scene.remotes()] != [gone]
    scene.heal()
