"""The command line: which commands there are, and where each lives. Importing this costs argparse and nothing more.

A command is a module with `add_parser(subparsers)` and `run(args) -> int` (the exit code). The module itself imports
only what its arguments need; everything heavy is imported inside `run`. To add a command, add its row.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from runner import __version__, console

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DEFAULT_OUT = Path("outputs/run")
_NAMED = (
    "ComfyUI's address (HOST:PORT is enough); repeatable, the first that can be used is, and never one that was not "
    "named (default: $COMFYUI_URL; where that is not set, http://127.0.0.1:8188, then the "
)
SERVER_HELP = f"{_NAMED}installed ComfyUI, which is started when nothing answers)"
RUNNING_SERVER_HELP = f"{_NAMED}one that was started here; nothing is started)"
COMMANDS = {
    "submit": "runner.cli.submit",
    "batch": "runner.cli.batch",
    "cutouts": "runner.cli.cutouts",
    "train": "runner.cli.train",
    "report": "runner.cli.report",
    "explore": "runner.cli.explore",
    "vary": "runner.cli.vary",
    "inputs": "runner.cli.inputs",
    "validate": "runner.cli.validate",
    "models": "runner.cli.models",
    "serve": "runner.cli.serve",
    "status": "runner.cli.status",
    "cancel": "runner.cli.cancel",
    "smoke": "runner.cli.smoke",
}
"""Command → its module, in the order of `--help`."""


class Command(Protocol):
    def add_parser(self, subparsers: Subparsers) -> argparse.ArgumentParser: ...

    def run(self, args: argparse.Namespace) -> int: ...


class _Parser(argparse.ArgumentParser):
    """What it says of a command line repeats it, and with it the names that a `*` has put there."""

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(console.clean(message), file)


def load_command(name: str) -> Command:
    return cast(Command, importlib.import_module(COMMANDS[name]))


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for this command line. Only the command that is called is imported; `--help` needs them all."""
    parser: argparse.ArgumentParser = _Parser(
        prog="python -m runner",
        description="Run ComfyUI workflows without the browser: one photo in, finished product pictures out.",
        epilog="`python -m runner COMMAND --help` says more about a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"prodgen {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    called = next((word for word in argv if not word.startswith("-")), None)
    for name in [called] if called in COMMANDS else COMMANDS:
        load_command(name).add_parser(subparsers)
    return parser


def add_server_argument(parser: argparse.ArgumentParser, help_text: str = SERVER_HELP) -> None:
    """`--server URL`, and what says how to trust it."""
    parser.add_argument("--server", action="append", type=named, default=[], metavar="URL", help=help_text)

    add_access_arguments(parser)


def check_no_password(servers: Sequence[str]) -> None:
    """Refuse addresses that hold a password, which other users of the machine could read. Raises UsageError."""
    from runner.errors import UsageError
    from runner.http.auth import has_credentials

    if any(has_credentials(url) for url in servers):
        raise UsageError(
            "--server holds a password, which other users of this machine can read.",
            advice="Put it into $COMFYUI_BASIC_AUTH (user:password) or $COMFYUI_TOKEN and leave it out of the URL.",
        )


def add_access_arguments(parser: argparse.ArgumentParser) -> None:
    """`--insecure` and `--ca-file`, for every command that may speak to a server over https."""
    parser.add_argument(
        "--ca-file",
        type=local_path,
        metavar="FILE.pem",
        help="also trust this certificate, or those it has signed (https)",
    )
    parser.add_argument(
        "--insecure", action="store_true", help="take any certificate, self-signed ones too; never over the internet"
    )


def decide_access(args: argparse.Namespace) -> None:
    """What the options of `add_access_arguments` say holds for every request of this command."""
    from runner.errors import UsageError
    from runner.http.auth import Access, decide

    ca_file = getattr(args, "ca_file", None)
    try:
        decide(Access(insecure=getattr(args, "insecure", False), ca_file=ca_file))
    except OSError as error:
        raise UsageError(f"--ca-file {ca_file}: {error.strerror or error}.", advice="It must hold PEM text.") from error


def add_out_argument(parser: argparse.ArgumentParser) -> None:
    """`--out DIR`, where results go."""
    parser.add_argument("--out", type=local_path, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}")


def named(text: str) -> str:
    """An argument that names something. An empty one is what a shell makes of a variable that is not set: the folder
    one happens to be in is not meant by it."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def local_path(text: str) -> Path:
    """An argument that names a file or a folder."""
    return Path(named(text))


def seconds(text: str) -> float:
    """An argument that is a time."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0 seconds")
    return number


def in_range(low: float, high: float) -> Callable[[str], float]:
    """The type of an argument that is a number from `low` to `high`, both included."""

    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be from {low:g} to {high:g}")
        return value

    return number


def at_least_one(text: str) -> int:
    """An argument that counts something."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
