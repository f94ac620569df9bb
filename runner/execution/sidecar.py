"""The `.json` beside a result: enough to know how it was made and to make it again. Never a credential."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runner import __version__
from runner.execution.job import Attempt
from runner.execution.models_used import models_of
from runner.models.licences import licence_lines
from runner.server.records import JobRecord
from runner.untrusted import items, mapping, text


def describe_server(url: str, stats: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the record that is the same for every job of a run. `url` without credentials."""
    system = mapping(stats.get("system"))
    devices = [text(mapping(device).get("name")) for device in items(stats.get("devices"))]
    return {
        "server": url,
        "comfyui": text(system.get("comfyui_version")) or None,
        "pytorch": text(system.get("pytorch_version")) or None,
        "devices": devices,
    }


def describe_job(attempt: Attempt, record: JobRecord, server: Mapping[str, Any], fetch_began: float) -> dict[str, Any]:
    """The record of one job; the files and the reports are added when they are saved."""
    spec = attempt.spec
    execution = None
    if record.started_ms is not None and record.ended_ms is not None:
        execution = round((record.ended_ms - record.started_ms) / 1000, 3)
    return {
        "workflow": spec.workflow,
        **spec.record,
        "seed": spec.seed,
        "prompt_id": attempt.prompt_id,
        "replaces": list(attempt.replaces),
        **server,
        "runner": __version__,
        "models": models_of(attempt.graph),
        "licences": licence_lines(attempt.graph),
        "submitted": datetime.fromtimestamp(attempt.submitted_clock).astimezone().isoformat(timespec="milliseconds"),
        "timings": {
            "execution_s": execution,
            "submitted_to_finished_s": round(fetch_began - attempt.submitted_at, 3),
        },
        "cached_nodes": list(record.cached),
    }
