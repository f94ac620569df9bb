"""What a batch cost, in lines and in small drawings of how often each value occurred."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner.batch.entries import Entry, JobState
from runner.batch.metrics import totals
from runner.data import figure
from runner.report.markup import Markup, element, join

_PLOTTED = {
    "seconds": "seconds per job",
    "queue_wait_s": "seconds waited",
    "delta_e00_mean": "colour difference (ΔE00)",
}
_BARS, _HIGH = 24, 60
"""How many bars and how high, in units of the drawing: narrow enough for a telephone, wide enough to see a shape."""


def figures(entries: Sequence[Entry], watts: float | None) -> Markup:
    """The part of the page with the figures; it is folded."""
    done = [entry.metrics for entry in entries if entry.state == JobState.DONE]
    lines = join(*(element("p", line) for line in totals(entries, watts).lines()))
    plots = element("div", *_plots(done), class_="plots")
    return element("details", element("summary", "Figures: time, energy, colours"), lines, plots, class_="figures")


def _plots(metrics: Sequence[Mapping[str, Any]]) -> Iterator[Markup]:
    for name, title in _PLOTTED.items():
        values = [value for item in metrics if (value := figure(item.get(name))) is not None]
        if len(set(values)) > 1:
            yield _plot(title, values)


def _plot(title: str, values: Sequence[float]) -> Markup:
    low, high = min(values), max(values)
    width = (high - low) / _BARS or 1.0
    counts = [0] * _BARS
    for value in values:
        counts[min(_BARS - 1, int((value - low) / width))] += 1
    heights = [_HIGH * count / max(counts) for count in counts]
    bars = [
        element("rect", x=number * 10, y=f"{_HIGH - height:.1f}", width=9, height=f"{height:.1f}")
        for number, height in enumerate(heights)
    ]
    caption = f"{title}: {low:.2f} to {high:.2f}, median {sorted(values)[len(values) // 2]:.2f}"
    drawing = element("svg", *bars, viewBox=f"0 0 {_BARS * 10} {_HIGH}", role="img", aria_label=caption)
    return element("figure", drawing, element("figcaption", caption))
