"""Memory by size, as an SVG: one line a run, from what was measured. No library draws it."""

import math
from collections.abc import Mapping

Points = Mapping[int, Mapping[str, float]]
"""Profiles -> what was run -> megabytes at its peak."""
_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 44, 44, 48
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df")
_STEP_MB = 200


def draw(points: Points, *, goal_mb: float) -> str:
    """The picture; sizes stand on a logarithmic scale."""
    sizes = sorted(points)
    names = list(dict.fromkeys(name for size in sizes for name in points[size]))
    most_mb = max(goal_mb, *(mb for at in points.values() for mb in at.values()))
    top_mb = math.ceil(most_mb * 1.05 / _STEP_MB) * _STEP_MB

    def x(size: int) -> float:
        share = math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0])
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(mb: float) -> float:
        return _HEIGHT - _BOTTOM - mb / top_mb * (_HEIGHT - _TOP - _BOTTOM)

    parts = [_text(_LEFT, 20, "Peak memory in MB, by the number of profiles", "start", bold=True)]
    for mb in range(0, top_mb + 1, _STEP_MB):
        parts.append(_line(_LEFT, y(mb), _WIDTH - _RIGHT, y(mb), "#d0d7de"))
        parts.append(_text(_LEFT - 8, y(mb) + 4, f"{mb}", "end"))
    parts += [_text(x(size), _HEIGHT - _BOTTOM + 20, f"{size:,}", "middle") for size in sizes]
    parts.append(_line(_LEFT, y(goal_mb), _WIDTH - _RIGHT, y(goal_mb), "#57606a", dash="6 4"))
    parts.append(_text(_LEFT + 6, y(goal_mb) - 6, "goal", "start"))
    for place, (name, colour) in enumerate(zip(names, _COLOURS, strict=False)):
        line = [(x(size), y(points[size][name])) for size in sizes if name in points[size]]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in line]
        across = _LEFT + place * (_WIDTH - _LEFT - _RIGHT) / len(names)
        parts.append(f'<rect x="{across}" y="29" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(across + 14, 38, name, "start"))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        ' font-family="sans-serif" font-size="11">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dash: str = "none") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"'
        f' stroke-dasharray="{dash}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{text}</text>'
