import re
from xml.etree import ElementTree as ET

from benchmarks.picture import draw

SVG = "{http://www.w3.org/2000/svg}"
POINTS = {
    1_000: {"first run": 100.0, "limit program": 50.0},
    100_000: {"first run": 400.0},
    10_000: {"first run": 200.0, "limit program": 50.0},
}


def test_each_run_is_one_line_through_its_points_in_the_order_of_sizes() -> None:
    picture = ET.fromstring(draw(POINTS, goal_mb=1000))
    lines = [
        [tuple(map(float, point.split(","))) for point in str(line.get("points")).split()]
        for line in picture.iter(f"{SVG}polyline")
    ]
    first, limit = lines
    assert (len(first), len(limit)) == (3, 2)
    across, down = zip(*first, strict=True)
    assert list(across) == sorted(across)
    assert list(down) == sorted(down, reverse=True), "more memory is further up"
    assert across[1] - across[0] == across[2] - across[1], "ten times as many, one step further"
    assert limit[0][1] == limit[1][1]


def test_the_picture_names_every_size_and_run() -> None:
    texts = {text.text for text in ET.fromstring(draw(POINTS, goal_mb=1000)).iter()}
    assert {"1,000", "10,000", "100,000", "first run", "limit program", "goal"} <= texts
    assert not re.search(r"\bnan\b|\binf\b", draw(POINTS, goal_mb=2000))
