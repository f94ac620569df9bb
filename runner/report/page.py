"""The page: a contact sheet with filters, plots of the figures, and the record of each picture at a click."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.metrics import totals
from runner.console import clean
from runner.data import figure
from runner.files.naming import below
from runner.files.reading import open_file, read_text
from runner.files.verify import PICTURES
from runner.files.whole import written_whole

THUMBNAIL = 220
"""Longest side of the pictures on the page, in pixels: some 8 kB each, so 800 pairs are some 13 MB."""
_HERE = Path(__file__).parent


def write_page(target: Path, folder: Path, ledger: Ledger, watts: float) -> None:
    """Write the page whole or not at all. Pictures that cannot be shown are named instead."""
    entries = ledger.entries()
    with written_whole(target, errors="backslashreplace") as stream:
        stream.writelines(map(clean, _page(entries, folder, ledger.facts().get("workflow", ""), watts)))


def _page(entries: Sequence[Entry], folder: Path, workflow: str, watts: float) -> Iterable[str]:
    title = html.escape(f"{workflow.partition(' ')[0]} – {folder.resolve().name}")
    groups = sorted({_group(entry) for entry in entries} - {""})
    options = "".join(f"<option>{html.escape(group)}</option>" for group in groups)
    figures = "".join(f"<p>{html.escape(line)}</p>" for line in totals(entries, watts).lines())
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_asset('page.css')}</style></head><body><header><h1>{title}</h1>{figures}"
        '<div class="filters"><select id="state"><option value="">all</option><option value="passed">passed</option>'
        '<option value="warned">check not passed</option><option value="failed">failed</option>'
        '<option value="open">not finished</option></select>'
        f'<select id="group"{"" if groups else " hidden"}><option value="">every group</option>{options}</select>'
        '<input id="find" type="search" placeholder="name"><span id="shown"></span></div></header>'
    )
    yield f'<section class="plots">{_plots(entries)}</section><main>'
    for entry in entries:
        yield _card(entry, folder)
    yield (
        '</main><dialog><form method="dialog"><button>close</button></form><pre></pre></dialog>'
        f"<script>{_asset('page.js')}</script></body></html>"
    )


def _card(entry: Entry, folder: Path) -> str:
    pictures = [Path(path) for path in entry.job.images.values()]
    made = [below(folder, name) for name in entry.files if Path(name).suffix.lower() in PICTURES]
    results = [path for path in made if path is not None]
    seconds, delta = figure(entry.metrics.get("seconds")), figure(entry.metrics.get("delta_e00_mean"))
    figures = ["" if seconds is None else f"{seconds:.1f} s", "" if delta is None else f"ΔE00 {delta:.2f}"]
    words = [entry.error] if entry.error else list(entry.warnings)
    shown = "".join(f"<figure>{thumbnail(path)}</figure>" for path in [*pictures, *results])
    record = _record(folder, entry)
    button = f"<button data-record='{html.escape(record, quote=True)}'>how it was made</button>" if record else ""
    name = html.escape(entry.job.stem.as_posix())
    return (
        f'<article data-state="{_state(entry)}" data-group="{html.escape(_group(entry), quote=True)}">'
        f'<div class="pair">{shown}</div><h2>{name}</h2><p>{html.escape("  ".join(filter(None, figures)))}</p>'
        + "".join(f'<p class="why">{html.escape(word)}</p>' for word in words)
        + f"{button}</article>\n"
    )


def _state(entry: Entry) -> str:
    if entry.state == JobState.DONE:
        return "warned" if entry.warnings else "passed"
    return "failed" if entry.state == JobState.FAILED else "open"


def _group(entry: Entry) -> str:
    return "/".join(part for part in (entry.job.group, entry.job.category) if part)


def thumbnail(path: Path) -> str:
    """A picture as an `img` of its own, or its name where it cannot be shown."""
    from PIL import Image, ImageOps

    label = html.escape(path.name, quote=True)
    try:
        with open_file(path) as stream, Image.open(stream) as opened:
            opened.draft("RGB", (THUMBNAIL, THUMBNAIL))
            small = ImageOps.exif_transpose(opened)
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            small = small.convert("RGBA")
            flat = Image.new("RGB", small.size, "white")
            flat.paste(small, mask=small.getchannel("A"))
            jpeg = io.BytesIO()
            flat.save(jpeg, "JPEG", quality=80)
    except Exception:  # whatever a file that is no picture makes Pillow raise: it is named instead
        return f'<span class="none">{label}</span>'
    data = base64.b64encode(jpeg.getvalue()).decode("ascii")
    return f'<img alt="{label}" title="{label}" src="data:image/jpeg;base64,{data}">'


def _record(folder: Path, entry: Entry) -> str:
    sidecar = below(folder, entry.sidecar) if entry.sidecar is not None else None
    if sidecar is None:
        return ""
    try:
        return read_text(sidecar, errors="replace")
    except OSError:
        return ""


def _plots(entries: Sequence[Entry]) -> str:
    done = [entry for entry in entries if entry.state == JobState.DONE]
    wanted = {"seconds": "seconds per job", "queue_wait_s": "seconds waited", "delta_e00_mean": "ΔE00"}
    return "".join(_plot(title, [entry.metrics for entry in done], name) for name, title in wanted.items())


def _plot(title: str, metrics: Sequence[Mapping[str, Any]], name: str, bars: int = 24) -> str:
    """How often each value occurs, as a small drawing; empty where there are fewer than two values."""
    values = [value for item in metrics if (value := figure(item.get(name))) is not None]
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    width = (high - low) / bars or 1.0
    counts = [0] * bars
    for value in values:
        counts[min(bars - 1, int((value - low) / width))] += 1
    top = max(counts)
    drawn = "".join(
        f'<rect x="{number * 10}" y="{60 - 60 * count / top:.1f}" width="9" height="{60 * count / top:.1f}"/>'
        for number, count in enumerate(counts)
    )
    text = html.escape(f"{title}: {low:.2f} to {high:.2f}, median {sorted(values)[len(values) // 2]:.2f}")
    return f'<figure><svg viewBox="0 0 {bars * 10} 60" role="img">{drawn}</svg><figcaption>{text}</figcaption></figure>'


def _asset(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
