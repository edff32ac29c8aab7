"""What becomes of a sync when the network fails, byte by byte, on every platform.

After the faulty runs, each on other people, comes one clean one: then the platform holds exactly
the segment, the books close, no lock is held, and nobody is named anywhere. AUDSYNC_CHAOS=1 has a
clean run after every single fault.
"""

from dataclasses import replace

from tests.crash.ways import TIKTOK_FILES
from tests.faults.proxy import Act, Mischief
from tests.faults.scene import IS_THOROUGH, Scene, some_of

BREAKS = {
    "slow": Mischief(latency_s=0.02),
    "a trickle that ends": Mischief(bytes_per_s=2_000),
    "cut before the request": Mischief(request_bytes=0),
    "cut in the request's head": Mischief(request_bytes=40),
    "cut in the request's body": Mischief(request_bytes=450),
    "reset in the request": Mischief(request_bytes=400, act=Act.RESET),
    "cut before the answer": Mischief(response_bytes=0),
    "reset before the answer": Mischief(response_bytes=0, act=Act.RESET),
    "cut in the answer's head": Mischief(response_bytes=30),
    "reset in the answer": Mischief(response_bytes=150, act=Act.RESET),
    "closed by half in the answer": Mischief(response_bytes=150, act=Act.HALF_CLOSE),
}
"""After each of them the same request may go again, and all goes on."""
FEW_CALLS = 3
"""Where a change is one upload, no more requests than that can be struck in a run."""
BREAKS_WITHOUT_END = {
    "every request is cut": Mischief(request_bytes=300, times=0),
    "every answer is cut": Mischief(response_bytes=20, times=0),
    "every answer is reset": Mischief(response_bytes=0, act=Act.RESET, times=0),
    "all but the first are cut": Mischief(nth=2, response_bytes=120, times=0),
}
SILENCES = {
    "silence in the request": Mischief(request_bytes=300, act=Act.SILENCE, times=0),
    "silence instead of an answer": Mischief(response_bytes=0, act=Act.SILENCE, times=0),
    "silence in the answer": Mischief(response_bytes=100, act=Act.SILENCE, times=0),
    "a trickle without end": Mischief(bytes_per_s=15, times=0),
}


def strike(scene: Scene, *mischiefs: Mischief) -> None:
    """Hurt the calls that add or remove members, and no others."""
    scene.proxy.arm(*(replace(each, about=scene.way.members_path) for each in mischiefs))


def test_connections_that_break_once_cost_nothing(scene: Scene) -> None:
    scene.batch_rows = 2
    # Every other call, so that each is tried again in peace.
    every_other = [replace(each, nth=2 * at + 1) for at, each in enumerate(BREAKS.values())]
    strike(scene, *every_other)
    ended = scene.hurt()
    expected = FEW_CALLS if scene.way is TIKTOK_FILES else len(BREAKS)
    assert scene.proxy.struck >= expected, "the faults came"
    assert ended.code == 0, str(ended)
    scene.heal()
    for name, mischief in BREAKS.items() if IS_THOROUGH else ():
        strike(scene, mischief)
        assert scene.hurt().code == 0, name
        scene.heal(name)


def test_connections_that_break_again_and_again_are_made_good(scene: Scene) -> None:
    for name, mischief in some_of(BREAKS_WITHOUT_END, scene).items():
        strike(scene, mischief)
        ended = scene.hurt()
        assert scene.proxy.struck, name
        assert ended.code in (3, 6), f"{name}: {ended}"
        scene.heal(name)


def test_silence_is_a_doubt_and_no_answer(scene: Scene) -> None:
    for name, mischief in some_of(SILENCES, scene).items():
        scene.request_timeout = 0.3
        scene.write_config()
        strike(scene, mischief)
        ended = scene.hurt()
        assert scene.proxy.struck, name
        assert ended.code in (3, 6), f"{name}: {ended}"
        scene.heal(name)


def test_without_a_connection_nothing_leaves(scene: Scene) -> None:
    """Nobody listens, nobody knows the name, nobody speaks TLS there."""
    before = len(scene.requests())
    for address in ("", "https://nowhere.invalid", scene.sandbox.replace("http", "https")):
        scene.base_url = address
        scene.write_config()
        if not address:
            scene.proxy.shut()
        ended = scene.hurt()
        assert (ended.code, ended.error["code"]) == (6, "PLATFORM_UNAVAILABLE"), str(ended)
        assert ended.json["profiles_failed"] == 0, "nothing is in doubt"
        scene.proxy.open()
    assert len(scene.requests()) == before
    scene.heal()
