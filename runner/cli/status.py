"""`status`: which server answers, what it runs on, and what is in its queue. Starts nothing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from runner import console
from runner.cli.parser import RUNNING_SERVER_HELP, add_server_argument, local_path
from runner.errors import EXIT_OK, ServerUnavailableError
from runner.http.address import public_url
from runner.invocation import spell
from runner.untrusted import items, mapping, number, text
from runner.words import counted, shortened

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

_SHOWN = 40
"""Devices and jobs that are shown: more than a screen has rows for."""
_LONGEST = 80
"""Letters of a name: a server may call a device by a novel."""
_MOST_GB = 1e6
"""More memory than any device has."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "status",
        help="which server answers, and what it is doing",
        description="Which ComfyUI answers, what it runs on, and what is in its queue; of several, each. Nothing is "
        "started.",
        allow_abbrev=False,
    )
    add_server_argument(parser, RUNNING_SERVER_HELP)
    parser.add_argument("--servers", type=local_path, metavar="FILE.yaml", help="a list of servers, as of `batch`")
    parser.add_argument("--json", action="store_true", help="one JSON object a server on standard output")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `status` command: 0 where a server answers, 3 where none does."""
    named = _named(args)
    if len(named) < 2:
        _show(_state(named), as_json=args.json)
        return EXIT_OK
    answers = 0
    for url in named:
        try:
            state = _state([url])
        except ServerUnavailableError as error:
            if args.json:
                console.json_line({"server": public_url(url), "error": error.message})
            else:
                console.show(console.clean_line(error.message))
            continue
        answers += 1
        _show(state, as_json=args.json)
    if not answers:
        raise ServerUnavailableError(
            f"None of the {len(named)} servers can be used.",
            advice=f"`{spell('help', 'servers')}` says how they are named and let in.",
        )
    return EXIT_OK


def _named(args: argparse.Namespace) -> list[str]:
    """The servers of the command line and of its list, as `batch` takes them."""
    if args.servers is None:
        return list(dict.fromkeys(args.server))
    from runner.batch.servers import asked_servers
    from runner.http.auth import Access

    base = Access(insecure=args.insecure, ca_file=args.ca_file)
    return [server.url for server in asked_servers(args.server, args.servers, base)]


def _state(named: list[str]) -> dict[str, Any]:
    """Raises ServerUnavailableError, which names the server."""
    from runner.local_server.choice import answering_server

    url = "".join(named)
    try:
        url = answering_server(named)
        return _state_of(url)
    except ServerUnavailableError as error:
        if public_url(url) in error.message:
            raise
        raise ServerUnavailableError(f"{public_url(url)}: {error.message}", advice=error.advice) from error


def _state_of(url: str) -> dict[str, Any]:
    from runner.execution.session import OWNER_KEY, is_ours
    from runner.server.client import ComfyClient

    client = ComfyClient(url)
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
    return {"server": client.url, "comfyui": version, "devices": _devices(system), "jobs": jobs}


def _show(state: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        console.json_line(state)
        return
    devices, jobs = state["devices"], state["jobs"]
    lines = [f"ComfyUI {_short(state['comfyui'])} at {state['server']}"]
    lines += [f"  {_short(d['name'])}: {_gigabytes(d)} GB free" for d in devices[:_SHOWN]]
    lines += _rest(devices, "device")
    lines += [
        f"  {job['state']:<8} {_short(job['prompt_id'])}  {_short(job['workflow'] or '')}"
        f"{'' if job['ours'] else '  (not ours)'}"
        for job in jobs[:_SHOWN]
    ]
    lines += _rest(jobs, "job") if jobs else ["  nothing is queued"]
    console.show("\n".join(console.clean_line(line) for line in lines))


def _short(said: str) -> str:
    return shortened(console.clean_line(said), _LONGEST)


def _gigabytes(device: dict[str, Any]) -> str:
    return " of ".join(
        f"{size:.1f}" if 0 <= size < _MOST_GB else "?" for size in (device["free_gb"], device["total_gb"])
    )


def _rest(shown: list[dict[str, Any]], noun: str) -> list[str]:
    """What is said of those that are not shown."""
    left = len(shown) - _SHOWN
    return [f"  … and {counted(left, f'more {noun}')} (--json lists all)"] if left > 0 else []


def _devices(system: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": text(device.get("name"), "a device"),
            "free_gb": (number(device.get("vram_free")) or 0) / 1e9,
            "total_gb": (number(device.get("vram_total")) or 0) / 1e9,
        }
        for device in map(mapping, items(system.get("devices")))
    ]
