"""`batch WORKFLOW`: many photos, or a table of jobs, with a ledger that survives whatever happens meanwhile."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.batch.order import BatchOrder
from runner.cli.looks import add_look_arguments, add_watch_arguments
from runner.cli.parser import (
    DEFAULT_OUT,
    PHOTOS_HELP,
    RESUME_HELP,
    SHARING_SERVER_HELP,
    add_out_argument,
    add_server_argument,
    any_seed,
    at_least_one,
    in_range,
    local_path,
    named,
    seconds,
)
from runner.cli.told import add_run_arguments, level_of
from runner.errors import (
    EXIT_OK,
    EXIT_REJECTED,
    EXIT_USAGE,
    RunnerError,
    ServerUnavailableError,
    UsageError,
    worst_code,
)

if TYPE_CHECKING:
    from runner.batch.compatibility import Compatibility
    from runner.batch.ledger import Ledger
    from runner.batch.live import BatchReporter
    from runner.batch.servers import Server
    from runner.batch.setup import Setup
    from runner.batch.worker import Batch, Worker
    from runner.cli.parser import Subparsers

    MakeWorkers = Callable[[Batch], Sequence[Worker]]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "batch",
        help="run a workflow on a folder of photos or a table of jobs",
        description="Run a workflow on every photo of a folder, or for every line of a table. What is done is noted in "
        "<out>/.prodgen/ledger.sqlite before and after each step: after a crash, the same command goes on, "
        "and what failed is tried again. The same command in a second terminal shares the work.",
        allow_abbrev=False,
    )
    parser.add_argument("workflow", metavar="WORKFLOW", help="a bundled workflow's name, or a path")
    parser.add_argument("photos", metavar="PHOTO", nargs="*", type=named, help=PHOTOS_HELP)
    parser.add_argument(
        "--images",
        type=named,
        metavar="DIR|GLOB",
        help="a folder (with all below it) or a glob; results mirror its sub-folders",
    )
    parser.add_argument(
        "--jobs",
        type=local_path,
        metavar="FILE",
        help="a .csv, .yaml or .jsonl whose columns are inputs of the workflow (image: a path), and name, count, "
        "seeds, group, category; with --images, every line is run on every photo",
    )
    parser.add_argument(
        "--prompt", action="append", default=[], metavar="TEXT", help="the input `prompt`; repeat it to try several"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=A[,B,…]",
        help="any other input, or NODE.widget; several values are tried one after the other (text is divided by |)",
    )
    add_watch_arguments(parser)
    add_look_arguments(parser)
    parser.add_argument("--seed", type=any_seed, metavar="N", help="the first seed")
    parser.add_argument("--count", type=at_least_one, default=1, metavar="N", help="seeds per job, counting up")
    parser.add_argument("--seeds", metavar="LIST", help="these seeds for every job: 1,2,3 or 10-19")
    add_out_argument(parser)
    parser.add_argument(
        "--name",
        metavar="TEMPLATE",
        help="file name without extension; may hold {image} {seed} {index} {workflow} {channel} {time} {date} and "
        "folders (default: the photo's name and what varies); results stay in the sub-folder of their photo, and "
        "nothing is overwritten",
    )
    parser.add_argument("--resume", action="store_true", help=RESUME_HELP)
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and run nothing")
    parser.add_argument("--metrics", type=local_path, metavar="FILE.csv", help="write a line of figures per picture")
    parser.add_argument(
        "--watts",
        type=in_range(0.001, 99_999),
        metavar="W",
        help="what the machine draws at work, for the energy estimate (default: what one of its kind does)",
    )
    add_server_argument(
        parser,
        SHARING_SERVER_HELP,
    )
    parser.add_argument(
        "--servers",
        type=local_path,
        metavar="FILE.yaml",
        help="a list of servers, each a URL, or `url:` with name, window (jobs in its queue), token_env, basic_env "
        "or headers_env (the environment variables that hold its token, user:password or headers), ca_file, insecure",
    )
    parser.add_argument(
        "--ray",
        nargs="?",
        const="",
        metavar="HOST:PORT",
        help="let a Ray cluster do the work: an actor with a ComfyUI of its own on every GPU (default: $RAY_ADDRESS, "
        "then the cluster that runs on this machine, then one for this machine alone, which `--ray local` asks for)",
    )
    parser.add_argument(
        "--ray-workers",
        type=at_least_one,
        metavar="N",
        help="only N actors; on a cluster without a GPU: N ComfyUIs on its CPUs",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        help="for the whole run, once a server answers; what is then on the servers is cancelled; the same goes on",
    )
    add_run_arguments(parser, opens="the folder of the results")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `batch` command."""
    return run_order(order_of(args, one_each=_rehearses_submit(args)), goes_on=not args.is_named)


def _rehearses_submit(args: argparse.Namespace) -> bool:
    """Whether it is `submit` of one photo that is only to be shown: what that takes, and nothing more."""
    from runner.cli.photo_words import are_many
    from runner.cli.typed import options_of

    if not args.dry_run or args.is_named or args.images is not None or args.jobs is not None:
        return False
    options = {word.partition("=")[0] for word in args.typed if word.startswith("--") and len(word) > 2}
    alone = argparse.Namespace(workflow=args.workflow, image=[], photos=args.photos)
    return options <= options_of("submit") and not are_many(alone)


def order_of(args: argparse.Namespace, **given: Any) -> BatchOrder:
    """What a command line asks for; `given` counts more."""
    typed = {one.name: getattr(args, one.name) for one in fields(BatchOrder) if hasattr(args, one.name)}
    order = BatchOrder(**{**typed, "level": level_of(args), **given})
    if hasattr(args, "typed") and not hasattr(args, "photo"):  # `check` has another photo than those of its batch
        from runner.cli.alone import line_for

        order.alone = lambda job, setting: line_for(args, order.out, job, setting)
    return order


def run_order(order: BatchOrder, *, goes_on: bool = False, reporter: BatchReporter | None = None) -> int:
    """Make a batch; returns the exit code. `goes_on`: with what is in its folder, which is called by what is asked for
    where none was named. `reporter`: who is told; people at the command line where nobody else is."""
    import tempfile

    from runner.batch.live import make_view
    from runner.cli import photo_words
    from runner.cli.signals import interruptible, told_when_interrupted

    photo_words.check_words(order.photos)
    if goes_on:  # `packshot photos/`: who types it again goes on
        order.out = photo_words.own_folder(order) if order.out is DEFAULT_OUT else order.out
    with (
        interruptible(),
        reporter or make_view(json_lines=order.json, level=order.level) as view,
        tempfile.TemporaryDirectory() as scratch,
    ):
        folder = Path(scratch) if order.dry_run else order.out
        order.photos, lacking = photo_words.brought_to(order.photos, folder, view.notice, order.timeout)
        photo_words.tell_lacking(lacking, view.notice, json_lines=order.json)
        with told_when_interrupted("The same command goes on."):
            codes = [_run(order, view, goes_on=goes_on), *(error.exit_code for error in lacking)]
        return worst_code(code for code in codes if code != EXIT_OK)


def _run(order: BatchOrder, view: BatchReporter, *, goes_on: bool) -> int:
    from runner.batch.changed import Changes, told
    from runner.batch.full_disk import patient_ledger
    from runner.batch.ledger import Ledger
    from runner.batch.setup import prepare
    from runner.batch.store import in_words
    from runner.cli.batch_end import end_with_nothing_to_make, is_all_done

    if order.watch is not None:
        from runner.cli.watching import check

        check(order, order.watch)
    setup = prepare(order)
    for note in (*setup.workflow.notes, *setup.left_out, *setup.notes):
        view.notice(note)
    if order.dry_run:
        done: set[str] = set()
        if Ledger.exists(order.out):
            with in_words(order.out), contextlib.closing(Ledger(order.out)) as ledger:
                entries, formers, done = ledger.entries(), ledger.formers(), ledger.done_keys()
            changed = Changes(order.out, setup.jobs, formers).among(entries)
            if changed:
                view.notice(f"{told(changed, later=True)}.")
            done -= {entry.key for entry in entries if entry.id in changed}
            done -= {key for key, job in formers.items() if job in changed}
        return _rehearse(order, setup, done, view)
    with in_words(order.out):
        if Ledger.exists(order.out) and order.watch is None:  # before anything is started for it
            with contextlib.closing(Ledger(order.out)) as ledger:
                entries = ledger.entries()
                ledger.bind(setup.facts() if entries else {})
                if entries and is_all_done(order, setup, ledger):
                    return end_with_nothing_to_make(order, view, entries)
        if goes_on:
            view.notice(f"Results go to {order.out}; the same command goes on where this one ends.")
        with (
            _sources(order, setup, view) as make_workers,
            contextlib.closing(patient_ledger(order.out, view, watches=order.watch is not None)) as ledger,
        ):
            return _work(order, view, setup, ledger, make_workers)


def _rehearse(order: BatchOrder, setup: Setup, done: set[str], view: BatchReporter) -> int:
    """`--dry-run`: what would run, and what would not; the exit code."""
    from runner.batch.accounts import tell_unusable
    from runner.batch.rehearsal import tell_plan, tell_undecodable

    refused: RunnerError | None = None
    code = EXIT_OK
    try:
        code = _rehearsed(order, setup, view)
    except RunnerError as error:
        refused, code = error, error.exit_code
    tell_plan(setup, done, view, json_lines=order.json, runs=code != EXIT_REJECTED)
    unusable = tell_unusable(setup, done, view) + tell_undecodable(setup, done, view)
    if refused is not None:
        raise refused
    return worst_code(one for one in (EXIT_USAGE if unusable else EXIT_OK, code) if one != EXIT_OK)


def _rehearsed(order: BatchOrder, setup: Setup, view: BatchReporter) -> int:
    """What a run would stumble over on its servers, as its exit code; none is started."""
    from runner.batch.rehearsal import tell_missing_models
    from runner.local_server.choice import answering_server, named_servers

    _check_cluster(order)
    if order.ray is not None:
        return EXIT_OK
    if not _asked(order) and not named_servers():
        try:
            answering_server(say=view.notice)
        except ServerUnavailableError:
            return EXIT_REJECTED if tell_missing_models(setup, view) else EXIT_OK
    _servers(order, setup, view)
    return EXIT_OK


def _asked(order: BatchOrder) -> list[Server]:
    from runner.batch.servers import asked_servers
    from runner.http.auth import Access

    return asked_servers(order.server, order.servers, Access(insecure=order.insecure, ca_file=order.ca_file))


def _check_cluster(order: BatchOrder) -> None:
    if order.ray is not None and (order.server or order.servers is not None):
        raise UsageError("--ray starts its own ComfyUIs: leave out --server and --servers.")
    if order.ray is None and order.ray_workers is not None:
        raise UsageError("--ray-workers is for --ray.")


@contextlib.contextmanager
def _sources(order: BatchOrder, setup: Setup, view: BatchReporter) -> Iterator[MakeWorkers]:
    """What makes the workers: a cluster, or the servers."""
    _check_cluster(order)
    if order.ray is not None:
        from runner.batch.cluster.ray_cluster import Cluster

        with Cluster(order.ray, order.ray_workers, view.notice) as cluster:
            yield cluster.workers
        return
    from runner.batch.server_worker import ServerWorker

    servers = _servers(order, setup, view)
    yield lambda batch: [ServerWorker(server, batch, compatibility) for server, compatibility in servers]


def _servers(order: BatchOrder, setup: Setup, view: BatchReporter) -> list[tuple[Server, Compatibility | None]]:
    """The servers to use, with what each can run; those that do not answer yet are tried again as the batch goes."""
    import time

    from runner.batch.compatibility import Compatibility
    from runner.batch.servers import Server
    from runner.batch.setup import check_on_servers
    from runner.http.transport import NoAccessError
    from runner.local_server.choice import resolve_server
    from runner.server.availability import Deadline
    from runner.server.client import ComfyClient
    from runner.server.view import server_view

    asked = _asked(order)
    if not asked:
        asked = [Server(resolve_server([], say=view.notice))]
    reached: list[tuple[Server, Compatibility]] = []
    away: list[tuple[Server, ServerUnavailableError]] = []
    for server in asked:
        try:
            url = resolve_server([server.url], say=view.notice)
            client = ComfyClient(url)
            client.deadline = Deadline(None if order.timeout is None else time.monotonic() + order.timeout)
            reached.append((server, Compatibility(setup.workflow, server_view(client, setup.workflow.graph))))
        except ServerUnavailableError as error:
            away.append((server, error))
    if not reached:
        raise away[0][1]
    later = [(server, None) for server, why in away if not isinstance(why, NoAccessError)]
    fits = [(server.label, fit) for server, fit in reached]
    unable = dict(check_on_servers(setup, fits, view.notice, more_may_come=bool(later)))
    for text in dict.fromkeys(warning for _, fit in reached for warning in fit.warnings):
        view.notice(f"warning: {text}")
    for label, lacks in unable.items():
        missing = "".join(f"\n  - {line}" for line in lacks)
        view.notice(f"warning: {label} is left out, it can run none of the jobs:{missing}")
    for _, why in away:
        view.notice(f"warning: {'left out' if isinstance(why, NoAccessError) else 'not there yet'}: {why}")
    return [*((server, fit) for server, fit in reached if server.label not in unable), *later]


def _work(
    order: BatchOrder,
    view: BatchReporter,
    setup: Setup,
    ledger: Ledger,
    make_workers: MakeWorkers,
) -> int:
    import time

    from runner.batch.accounts import take_up
    from runner.batch.entries import JobState
    from runner.batch.names import names_of
    from runner.batch.pool import run_pool
    from runner.batch.store import LedgerGoneError
    from runner.batch.throughput import Throughput
    from runner.batch.worker import Batch
    from runner.cli.batch_end import end, tell_figures

    began = time.monotonic()
    if order.watch is not None:
        setup = replace(setup, jobs=[])
    ledger.runners.start_beating()
    take_up(order, setup, ledger, view)
    known = ledger.entries()
    view.names = names_of(known)
    ended = [entry for entry in known if entry.state in (JobState.DONE, JobState.FAILED)]
    view.begin(len(known), len(ended))
    deadline = None if order.timeout is None else time.monotonic() + order.timeout
    try:
        batch = Batch(order.out, setup.workflow, ledger, view, Throughput(), deadline, order.alone)

        def make() -> None:
            run_pool(make_workers(batch), ledger, view.notice)

        if order.watch is None:
            make()
        else:
            from runner.cli.watching import Watch

            Watch(order, order.watch, batch, make).run()
    finally:
        shared = ledger.runners.others_live()
        with contextlib.suppress(LedgerGoneError):  # which is being told already
            ledger.leave()
        view.close()
        entries = ledger.entries()
        is_written = tell_figures(order, view, entries, (entry.id for entry in ended if entry.state == JobState.DONE))
    return end(order, view, ledger, entries, began=began, shared=shared, is_written=is_written)
