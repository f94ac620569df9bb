"""`status`: which server answers, what it runs on, and what is in its queue. Starts nothing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from runner import console
from runner.cli.parser import RUNNING_SERVER_HELP, add_server_argument
from runner.errors import EXIT_OK
from runner.untrusted import items, mapping, number, text

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "status",
        help="which server answers, and what it is doing",
        description="Which ComfyUI answers, what it runs on, and what is in its queue. Nothing is started.",
        allow_abbrev=False,
    )
    add_server_argument(parser, RUNNING_SERVER_HELP)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `status` command."""

    from runner.execution.session import OWNER_KEY, is_ours
    from runner.local_server.choice import answering_server
    from runner.server.client import ComfyClient

    client = ComfyClient(answering_server(args.server))
    system = client.system_stats()
    jobs = [
        {
            "prompt_id": job.prompt_id,
            "state": "running" if job.running else "waiting",
            "ours": is_ours(job.extra_data),
            "workflow": text(mapping(job.extra_data.get(OWNER_KEY)).get("workflow")) or None,
        }
        for job in client.queue()
    ]
    version = text(mapping(system.get("system")).get("comfyui_version"), "(unknown version)")
    devices = _devices(system)
    state = {"server": client.url, "comfyui": version, "devices": devices}
    if args.json:
        console.json_line({**state, "jobs": jobs})
        return EXIT_OK
    lines = [f"ComfyUI {state['comfyui']} at {client.url}"]
    lines += [f"  {d['name']}: {d['free_gb']:.1f} of {d['total_gb']:.1f} GB free" for d in devices]
    lines += [
        f"  {job['state']:<8} {job['prompt_id']}  {job['workflow'] or ''}{'' if job['ours'] else '  (not ours)'}"
        for job in jobs
    ]
    console.show("\n".join(console.clean_line(line) for line in (lines if jobs else [*lines, "  nothing is queued"])))
    return EXIT_OK


def _devices(system: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": text(device.get("name"), "a device"),
            "free_gb": (number(device.get("vram_free")) or 0) / 1e9,
            "total_gb": (number(device.get("vram_total")) or 0) / 1e9,
        }
        for device in map(mapping, items(system.get("devices")))
    ]
