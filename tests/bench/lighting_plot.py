"""One plot of energy over under-lit lamp-time, as SVG.

Its abscissa goes by the square root, since most is to be seen where little is under-lit.
"""

import math
from collections.abc import Sequence
from html import escape

from tests.bench.lighting_policies import Curve

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 48
X_END, Y_FROM, Y_TO = 0.03, 0.65, 1.0
STEPS = 160
COLOURS = ("#8a8a8a", "#3f3f3f", "#8fb8de", "#1f6fb4", "#1f6fb4", "#2a9134")
DASHES = ("", "", "", "", "6 4", "2 3")


def plot(title: str, curves: Sequence[Curve]) -> str:
    """An SVG of the curves, in the order of `COLOURS`; one of a single point is a level line."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text {font: 12px sans-serif} .title {font-size: 14px}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" class="title">{escape(title)}</text>',
        *_axes(),
    ]
    for k, (curve, colour, dash) in enumerate(zip(curves, COLOURS, DASHES, strict=False)):
        line = f'stroke="{colour}" stroke-width="2"' + f' stroke-dasharray="{dash}"' * bool(dash)
        parts.append(f'<polyline fill="none" {line} points="{_points(curve)}"/>')
        y = TOP + 16 + 18 * k
        x = WIDTH - RIGHT - 250
        parts.append(f'<path d="M{x} {y - 4}h26" {line}/><text x="{x + 34}" y="{y}">{escape(curve.name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes() -> list[str]:
    parts = []
    for percent in (0, 0.05, 0.1, 0.2, 0.5, 1, 2, 3):
        x = _x(percent / 100)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{percent:g}</text>')
    for percent in range(65, 101, 5):
        y = _y(percent / 100)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
        "lamp-time below the class called for, %</text>"
    )
    parts.append(
        f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">energy, % of full LED</text>'
    )
    return parts


def _points(curve: Curve) -> str:
    if len(curve.outcomes) == 1:
        places = [(0.0, curve.outcomes[0].energy), (X_END, curve.outcomes[0].energy)]
    else:
        shares = [X_END * (k / STEPS) ** 2 for k in range(STEPS + 1)]
        places = [(share, curve.energy_at(share)) for share in shares]
    return " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in places)


def _x(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * math.sqrt(share / X_END)


def _y(energy: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (Y_TO - energy) / (Y_TO - Y_FROM)
