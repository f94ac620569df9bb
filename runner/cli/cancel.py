"""`cancel [PROMPT_ID]`: one job by its id, or everything this user's runner has on the server. Nobody else's."""

from __future__ import annotations

import argparse
import time
import uuid
from typing import TYPE_CHECKING

from runner import console
from runner.cli.parser import RUNNING_SERVER_HELP, add_server_argument
from runner.errors import EXIT_OK, UsageError
from runner.invocation import spell

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

_CANCEL_S = 5.0
"""What telling the server once more may take."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "cancel",
        help="cancel one job, or all jobs of this runner",
        description="Cancel a job, waiting or running. Without an id: every job that this user's runner has queued "
        "there. Jobs of others are left alone. A running node stops at its next check, which may take seconds.",
        allow_abbrev=False,
    )
    parser.add_argument("prompt_id", metavar="PROMPT_ID", nargs="?", help="as `status` and `submit` show it")
    add_server_argument(parser, RUNNING_SERVER_HELP)
    return parser


def run(args: argparse.Namespace) -> int:
    """The `cancel` command."""

    from runner.execution.cancel import cancel_again
    from runner.execution.session import is_ours
    from runner.local_server.choice import answering_server
    from runner.server.client import ComfyClient

    if args.prompt_id is not None and not _is_uuid(args.prompt_id):
        raise UsageError(f"{args.prompt_id!r} is not a job's id.", advice=f"`{spell('status')}` lists the ids.")
    client = ComfyClient(answering_server(args.server))
    if args.prompt_id is not None:
        ids = [args.prompt_id]
    else:
        ids = [job.prompt_id for job in reversed(client.queue()) if is_ours(job.extra_data)]
    cancelled = [prompt_id for prompt_id in ids if client.cancel_job(prompt_id)]
    cancel_again(client, cancelled, time.monotonic() + _CANCEL_S)
    for prompt_id in cancelled:
        console.show(prompt_id)
    if not cancelled:
        what = "That job is neither waiting nor running" if args.prompt_id else "This runner has no job"
        console.tell(f"{what} at {client.url}: nothing was cancelled.")
    elif args.prompt_id is None:
        console.tell(
            "A batch or submit that is still running sends its next jobs: stop it with Ctrl-C in its own terminal."
        )
    return EXIT_OK


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
