"""What a batch cost: a line per picture, and totals with the assumption behind the energy figure."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from runner.batch.energy import machine_watts
from runner.batch.entries import Entry, JobState
from runner.data import figure, not_numbers
from runner.errors import RunnerError
from runner.files import spreadsheet
from runner.http.address import is_loopback_url
from runner.server.client import ComfyClient
from runner.untrusted import items, mapping, number, text, texts
from runner.words import counted, duration

COLUMNS = (
    "group", "category", "file", "cpu_percent", "ram_mb", "seconds", "queue_wait_s", "gpu_memory_mb", "bytes",
    "delta_e00_mean", "delta_e00_p95", "state", "input", "seed", "server", "reason",
)  # fmt: skip
METRICS_BEGIN = (",".join(COLUMNS[:4]).encode(),)
"""How a file of them is told from somebody's own table."""
_EVERY_S = 1.0
"""A job takes seconds: once in each is often enough to see its peak."""
_SHORTEST_S = 5.0
"""Over less time than this, a rate says nothing."""
_BETWEEN_S = 60.0
"""To fetch, check and upload takes seconds: where nothing ran for longer, nobody was at work."""
_KEPT = 4000
"""Samples, more than an hour of them: of a longer job the last of it counts."""


@dataclass(frozen=True)
class Sample:
    at: float
    cpu_percent: float | None
    ram_mb: float | None
    gpu_memory_mb: float | None


class LoadMeter(Protocol):
    """Who can say what a machine did while a job ran."""

    def between(self, begin: float, end: float, /) -> dict[str, float]:
        """Mean CPU %, peak memory between two moments (`time.time`)."""


class Sampler(threading.Thread):
    """Looks at one server's machine every second: memory in use as the server tells it, CPU where it is this machine.

    For servers elsewhere there is no CPU figure: an empty cell, never a guess.
    """

    def __init__(self, client: ComfyClient) -> None:
        super().__init__(name="metrics", daemon=True)
        self._client = client
        self._samples: deque[Sample] = deque(maxlen=_KEPT)
        self._ended = threading.Event()
        self._is_here = is_loopback_url(client.url)

    def run(self) -> None:
        if self._is_here:
            psutil.cpu_percent()  # the first answer is about nothing
        while not self._ended.wait(_EVERY_S):
            self._look()

    def stop(self) -> None:
        self._ended.set()

    def between(self, begin: float, end: float) -> dict[str, float]:
        """Mean CPU %, peak memory between two moments (`time.time`); the nearest look for something shorter."""
        looks = list(self._samples)
        within = [look for look in looks if begin <= look.at <= end + _EVERY_S] or looks[-1:]
        cpu = [look.cpu_percent for look in within if look.cpu_percent is not None]
        figures = {"cpu_percent": sum(cpu) / len(cpu)} if cpu else {}
        for name in ("ram_mb", "gpu_memory_mb"):
            values = [value for look in within if (value := getattr(look, name)) is not None]
            if values:
                figures[name] = max(values)
        return {name: round(value, 1) for name, value in figures.items()}

    def _look(self) -> None:
        cpu = psutil.cpu_percent() if self._is_here else None
        try:
            stats = self._client.system_stats()
        except RunnerError:
            stats = {}
        system = mapping(stats.get("system"))
        devices = [mapping(device) for device in items(stats.get("devices"))]
        devices = [device for device in devices if text(device.get("type"), "cpu") != "cpu"]
        gpu = [_used(device, "vram_total", "vram_free") for device in devices]
        used = [value for value in gpu if value is not None]
        ram = _used(system, "ram_total", "ram_free")
        self._samples.append(Sample(time.time(), cpu, ram, sum(used) if used else None))


def measured(sidecar: Path, size: int, load: LoadMeter, submitted: float, started: float | None) -> dict[str, Any]:
    """The figures of one finished job, as the ledger keeps them."""
    try:
        record = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        record = {}
    timings = record.get("timings") or {}
    finished = submitted + float(timings.get("submitted_to_finished_s") or 0)
    execution = timings.get("execution_s")
    begin = started if started is not None else submitted
    wait = max(0.0, finished - submitted - execution) if execution is not None else begin - submitted
    report = fidelity(record.get("reports"))
    return {
        "seconds": execution if execution is not None else round(finished - begin, 3),
        "queue_wait_s": round(wait, 3),
        "bytes": size,
        "device": next(iter(texts(record.get("devices"))), ""),
        **load.between(begin, finished),
        **{name: report[name] for name in ("delta_e00_mean", "delta_e00_p95") if figure(report.get(name)) is not None},
    }


def fidelity(reports: Any) -> Mapping[str, Any]:
    """The first report that measures the product's colours; empty where there is none."""
    for value in (reports or {}).values() if isinstance(reports, Mapping) else ():
        for report in value if isinstance(value, list) else [value]:
            if isinstance(report, Mapping) and "delta_e00_mean" in report:
                return report
    return {}


def table(entries: Sequence[Entry]) -> str:
    """The CSV: one line per picture, and one per job that has none."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for entry in entries:
        common = {
            "group": entry.job.group, "category": entry.job.category, "state": entry.state.value, "input": entry.title,
            "seed": entry.job.seed, "server": entry.server, "reason": (entry.error or "").split("\n")[0],
        }  # fmt: skip
        figures: dict[str, Any] = {name: "" if not_numbers(value) else value for name, value in entry.metrics.items()}
        given = figures.get("sizes")
        sizes = given if isinstance(given, dict) else {}
        for file in entry.files or ("",):
            size = sizes.get(file, figures.get("bytes", ""))
            writer.writerow(spreadsheet.row({**common, **figures, "file": file, "bytes": size}))
    return text.getvalue()


@dataclass(frozen=True)
class Totals:
    """`products`: what was photographed and is made, however many files and variants of it. `energy`: watt hours."""

    jobs: int
    done: int
    failed: int
    products: int
    pictures: int
    size: int
    hours: float
    working_hours: float
    energy: float
    drawn_by: str

    @property
    def per_hour(self) -> float | None:
        """Products; None where too little time has passed to say."""
        return self.products / self.hours if self.hours * 3600 >= _SHORTEST_S else None

    def lines(self, *, few: bool = False) -> list[str]:
        """What it came to; of a few jobs neither the pace nor the energy, which say nothing yet."""
        left = self.jobs - self.done - self.failed
        more = f", {left} not finished" if left else ""
        failed = f", {self.failed} failed" if self.failed else ""
        made = f"{self.done} of {counted(self.jobs, 'job')} done{failed}{more}"
        lines = [f"{made}: {counted(self.pictures, 'file')}, {self.size / 1e6:.1f} MB."]
        if few:
            return lines
        if self.done and self.per_hour is not None:
            pace = counted(round(self.per_hour), "product")
            lines.append(f"{pace} an hour over {duration(self.hours * 3600)}.")
        if self.done:
            lines.append(
                f"Energy: about {self.energy:.1f} Wh, {self.drawn_by}, {duration(self.working_hours * 3600)} at work "
                "(--watts sets what your machine draws)."
            )
        return lines


def totals(entries: Sequence[Entry], watts: float | None) -> Totals:
    """Over the whole ledger. The hours are those in which work went on, on one server or several at once: what lies
    between two jobs counts up to `_BETWEEN_S`, no pause does.

    `watts`: what a machine draws at work; None: what one of its kind does.
    """
    done = [entry for entry in entries if entry.state == JobState.DONE]
    seconds = _worked(done)
    work: dict[float, float] = {}
    for entry in done:
        drawn = watts or machine_watts(text(entry.metrics.get("device")))
        work[drawn] = work.get(drawn, 0.0) + (figure(entry.metrics.get("seconds")) or 0) / 3600
    return Totals(
        len(entries),
        len(done),
        sum(entry.state == JobState.FAILED for entry in entries),
        len({next(iter(entry.job.images.values()), f"job {entry.id}") for entry in done}),
        sum(len(entry.files) for entry in done),
        int(sum(figure(entry.metrics.get("bytes")) or 0 for entry in done)),
        seconds / 3600,
        sum(work.values()),
        sum(drawn * hours for drawn, hours in work.items()),
        f"{'' if watts else 'estimated '}at {' and '.join(f'{drawn:g} W' for drawn in sorted(work))}",
    )


def _worked(done: Sequence[Entry]) -> float:
    """Seconds in which somebody was at work on any of them."""
    spans = []
    for entry in done:
        if entry.ended_at is not None:
            took = figure(entry.metrics.get("seconds")) or 0.0
            spans.append((max(entry.ended_at - took, entry.submitted_at or 0.0), entry.ended_at))
    through, worked = None, 0.0
    for begin, end in sorted(spans):
        if through is None or begin - through > _BETWEEN_S:
            through = begin
        worked += max(0.0, end - through)
        through = max(through, end)
    return worked


def clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _used(record: Mapping[str, Any], total: str, free: str) -> float | None:
    whole, left = number(record.get(total)), number(record.get(free))
    return None if whole is None or left is None else (whole - left) / 2**20
