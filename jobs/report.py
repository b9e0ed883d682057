"""The demo's report: one HTML file without a script or a link outside, with the night's curve and a map."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.instants import PARIS
from jobs.words import Lang, number, say

Array = npt.NDArray[np.float64]
_WIDTH, _HEIGHT, _MARGIN, _TOP, _PANEL = 860.0, 300.0, 44.0, 84.0, 400.0
_CURVES = (("needed", "#7a7a7a", "4 3"), ("fixed", "#b3541e", "7 3"), ("planned", "#0b5cad", ""))
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.15rem .9rem .15rem 0;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto}
svg text{font:12px system-ui,sans-serif;fill:currentColor}
code{font-size:.9em}
.maps{display:flex;flex-wrap:wrap;gap:1rem}
figure{flex:1 1 18rem;margin:0}
.scroll{max-height:24rem;overflow:auto}
"""


@dataclass(frozen=True, slots=True)
class LampLine:
    """A lamp as the report lists it. Mean output over the burning slots, 0…1; `at` is an instant worth asking about."""

    id: str
    commune: str
    lon: float
    lat: float
    road: str
    lighting_class: str
    mean_flux: float
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What the page shows. `curves` holds the mean flux per slot (0…1), by name, over the burning slots.

    `ask` is the command that a lamp and an instant complete.
    """

    subtitle: str
    ask: str
    facts: Sequence[tuple[str, str]]
    slots: Sequence[datetime]
    curves: dict[str, Array]
    lamps: Sequence[LampLine]


def write_report(path: Path, report: Report, lang: Lang) -> None:
    """Write the page, whole or not at all."""
    draft = path.with_suffix(".part")
    draft.write_text(_page(report, lang), encoding="utf-8")
    draft.replace(path)


def _page(report: Report, lang: Lang) -> str:
    title = escape(say("title", lang))
    return "\n".join(
        [
            f'<!doctype html><html lang="{lang}"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>Consigne · {title}</title><style>{_STYLE}</style>",
            f"<h1>{title}</h1><p>{escape(report.subtitle)}</p>",
            _facts(report.facts),
            f"<h2>{escape(say('curve', lang))}</h2>",
            _curve(report, lang),
            f"<h2>{escape(say('map', lang))}</h2>",
            _map(report.lamps),
            f"<h2>{escape(say('ask', lang))}</h2>",
            _lamps(report, lang),
            "</html>",
        ]
    )


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    rows = (f'<tr><td>{escape(name)}<td class="n">{escape(value)}' for name, value in facts)
    return f"<table>{''.join(rows)}</table>"


def _curve(report: Report, lang: Lang) -> str:
    count = len(report.slots)
    xs = _MARGIN + (_WIDTH - 2 * _MARGIN) * np.arange(count) / max(count - 1, 1)
    parts = [_axes(report.slots, xs, lang)]
    for row, (name, colour, dash) in enumerate(_CURVES):
        ys = _HEIGHT - _MARGIN - (_HEIGHT - _MARGIN - _TOP) * report.curves[name]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        stroke = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{points}" fill="none" {stroke}/>')
        x, y = _WIDTH - _MARGIN - 250, 16 + 16 * row
        parts.append(f'<line x1="{x}" x2="{x + 34}" y1="{y - 4}" y2="{y - 4}" {stroke}/>')
        parts.append(f'<text x="{x + 42}" y="{y}">{escape(say(name, lang))}</text>')
    label = escape(say("curve", lang))
    return f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _axes(slots: Sequence[datetime], xs: Array, lang: Lang) -> str:
    base, top = _HEIGHT - _MARGIN, _TOP
    parts = [f'<text x="4" y="{top - 14:g}">{escape(say("flux_axis", lang))}</text>']
    for percent in (0, 50, 100):
        y = base - (base - top) * percent / 100
        line = f'x1="{_MARGIN}" x2="{_WIDTH - _MARGIN}" y1="{y:g}" y2="{y:g}"'
        parts.append(f'<line {line} stroke="currentColor" opacity=".25"/><text x="8" y="{y + 4:g}">{percent}</text>')
    for x, at in zip(xs, slots, strict=True):
        local = at.astimezone(PARIS)
        if local.minute == 0 and local.hour % 2 == 0:
            parts.append(f'<text x="{x:.1f}" y="{base + 18:g}" text-anchor="middle">{local:%H:%M}</text>')
    return "".join(parts)


def _map(lamps: Sequence[LampLine]) -> str:
    """One small map a commune. Plate carrée, longitudes shrunk by the cosine of the latitude: right for a few km."""
    communes = dict.fromkeys(lamp.commune for lamp in lamps)
    panels = (_panel(name, [lamp for lamp in lamps if lamp.commune == name]) for name in communes)
    return f'<div class="maps">{"".join(panels)}</div>'


def _panel(name: str, lamps: Sequence[LampLine]) -> str:
    lon, lat = np.array([lamp.lon for lamp in lamps]), np.array([lamp.lat for lamp in lamps])
    x = (lon - lon.min()) * np.cos(np.radians(lat.mean()))
    y = lat.max() - lat
    scale = (_PANEL - 20) / max(float(x.max()), float(y.max()), 1e-9)
    dots = (
        f'<circle cx="{10 + px * scale:.1f}" cy="{10 + py * scale:.1f}" r="4" fill="{_colour(lamp.mean_flux)}">'
        f"<title>{escape(lamp.id)} · {escape(lamp.lighting_class)} · {lamp.mean_flux:.0%}</title></circle>"
        for lamp, px, py in zip(lamps, x, y, strict=True)
    )
    picture = f'<svg viewBox="0 0 {_PANEL:g} {_PANEL:g}" role="img" aria-label="{escape(name)}">{"".join(dots)}</svg>'
    return f"<figure>{picture}<figcaption>{escape(name)}</figcaption></figure>"


def _colour(flux: float) -> str:
    """Dark blue (dim) to amber (full), even steps of lightness."""
    low, high = np.array([30, 58, 110]), np.array([245, 176, 40])
    red, green, blue = (low + (high - low) * min(max(flux, 0.0), 1.0)).astype(int)
    return f"rgb({red},{green},{blue})"


def _local(at: datetime) -> str:
    return at.astimezone(PARIS).isoformat(timespec="minutes")


def _lamps(report: Report, lang: Lang) -> str:
    head = "".join(f"<th>{escape(say(key, lang))}" for key in ("lamp", "road", "class", "mean_output", "state", "ask"))
    rows = (
        f"<tr><td>{escape(lamp.id)}<td>{escape(lamp.road)}<td>{escape(lamp.lighting_class)}"
        f'<td class="n">{number(100 * lamp.mean_flux, lang)} %<td>{escape(lamp.state)}'
        f"<td><code>{escape(report.ask)} {escape(lamp.id)} {_local(lamp.at)}</code>"
        for lamp in report.lamps
    )
    return f'<div class="scroll" tabindex="0"><table><tr>{head}{"".join(rows)}</table></div>'
