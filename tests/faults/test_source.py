"""The segment's source fails or is nonsense: nothing is sent, and the next good one is exact."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.scene import Scene

HUGE_BYTES = 10_000_000
Spoil = Callable[[bytes], bytes]


def without_a_column(text: bytes) -> bytes:
    return text.replace(b"crm_id", b"another", 1)


def torn(text: bytes) -> bytes:
    return text[: len(text) // 2] + b'\n"an open quote,'


def with_rows_of_another_width(text: bytes) -> bytes:
    return text + b"x,y,z,1,2,3,4,5,6,7,8,9,10\n" * 3


def without_rows(text: bytes) -> bytes:
    return text.partition(b"\n")[0] + b"\n"


def with_nobody_valid(text: bytes) -> bytes:
    head, *rows = text.splitlines()
    return b"\n".join([head, *(b"c%d,nobody,,,,,,,yes" % at for at in range(len(rows)))])


def with_phones_for_emails(text: bytes) -> bytes:
    return text.replace(b"@example.com", b"")


def in_another_encoding(text: bytes) -> bytes:
    return text.decode().encode("utf-16")


def with_a_huge_cell(text: bytes) -> bytes:
    return text + b"huge,nobody,,,,," + b"x" * HUGE_BYTES + b",Doe,no\n"


SPOILT: dict[str, Spoil] = {
    one.__name__: one
    for one in (
        without_a_column,
        torn,
        with_rows_of_another_width,
        without_rows,
        with_nobody_valid,
        with_phones_for_emails,
        in_another_encoding,
        with_a_huge_cell,
    )
}
"""Sources that must not be believed."""


def with_a_byte_order_mark(text: bytes) -> bytes:
    return b"\xef\xbb\xbf" + text


def with_hostile_values(text: bytes) -> bytes:
    values = ("=cmd|'/C calc'!A0", "'; DROP TABLE lease; --", "\u202eevil", "a\x1b[31mred", "%s%n")
    rows = "".join(f'evil{at},"{value}",,,,,,,yes\r\n' for at, value in enumerate(values))
    return text + rows.encode()


HARMLESS: dict[str, Spoil] = {
    one.__name__: one for one in (with_a_byte_order_mark, with_hostile_values)
}
"""Sources that mean the same as without what is odd about them."""


def is_about_members(scene: Scene, call: dict[str, Any]) -> bool:
    """Whether it could have changed who is there."""
    return call["method"] != "GET" and scene.way.members_path in call["path"]


def source(scene: Scene) -> Path:
    return scene.folder / "people.csv"


def test_a_source_that_cannot_be_believed_sends_nothing(scene: Scene) -> None:
    good = source(scene).read_bytes()
    for name, spoil in SPOILT.items():
        source(scene).write_bytes(spoil(good))
        before = len(scene.requests())
        ended = scene.sync_guarded()
        assert ended.code in (1, 7), f"{name}: {ended}"
        assert ended.error["code"] in {"SOURCE_ERROR", "GUARD_REFUSED"}, f"{name}: {ended}"
        sent = [
            call["method"] for call in scene.requests()[before:] if is_about_members(scene, call)
        ]
        assert sent == [], name
    source(scene).unlink()
    assert scene.sync_guarded().error["code"] == "SOURCE_ERROR"
    scene.heal()


def test_odd_and_hostile_values_are_values(scene: Scene) -> None:
    for name, spoil in HARMLESS.items():
        scene.write_segment(scene.town.live())
        source(scene).write_bytes(spoil(source(scene).read_bytes()))
        scene.bring_in_step(name)
        assert "DROP TABLE" not in scene.told.getvalue()
    scene.heal()


def test_a_source_that_changes_while_it_is_read_is_one_of_both(scene: Scene) -> None:
    """An export that is renamed into place after the first batch of rows was read."""
    scene.write_segment(scene.town.live())
    old = scene.segment
    scene.on_rows = lambda: scene.write_segment(scene.town.live())
    ended = scene.sync()
    scene.on_rows = None
    assert ended.code in (0, 1), str(ended)
    if ended.code == 0 and not scene.way.settles:
        new, scene.segment = scene.segment, old
        held = {(key, value) for key, value in scene.remotes()[0]["identifiers"]}
        names = scene.way.names
        assert held in (old.identifiers(names), new.identifiers(names)), "a mixture of both"
    scene.heal()
