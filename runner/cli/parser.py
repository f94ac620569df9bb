"""The command line: which commands there are, and where each lives. Importing this costs argparse and nothing more.

A command is a module with `add_parser(subparsers)` and `run(args) -> int` (the exit code). The module itself imports
only what its arguments need; everything heavy is imported inside `run`. To add a command, add its row, and three
examples of it in `runner.cli.examples`. What people type instead of a command is understood by `runner.cli.words`.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from runner import __version__, console
from runner.cli.examples import examples_of
from runner.errors import UsageError
from runner.invocation import spell
from runner.suggest import did_you_mean

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

NEGATIVE = re.compile(r"-\d+(\.\d+)?")
_VALUE_OF_A_SWITCH = re.compile(r"argument (\S+): ignored explicit argument .*", re.DOTALL)
"""What argparse says of `--open=no`."""
_LACKS_A_VALUE = re.compile(r"argument (\S+): expected (?:one|at least one) argument")
"""And of `--set` with nothing behind it."""
DEFAULT_OUT = Path("outputs/run")
MOST = 100_000
"""Of whatever a command line counts: beyond it a number is a slip, such as an article's, and would fill the memory."""
LONGEST_S = 2_000_000
"""Three weeks: sockets count what they wait for in milliseconds of 31 bits."""


def in_help(*words: str) -> str:
    """A command of this program inside a help text, in which argparse reads % as a sign of its own."""
    return f"`{spell(*words)}`".replace("%", "%%")


_MORE = f"; see {in_help('help', 'servers')})"
SERVER_HELP = (
    "ComfyUI's address, repeatable (default: $COMFYUI_URL, then one at http://127.0.0.1:8188, then the installed one, "
    f"which is started when nothing answers{_MORE}"
)
RUNNING_SERVER_HELP = (
    "ComfyUI's address, repeatable (default: $COMFYUI_URL, then one at http://127.0.0.1:8188, then the one that was "
    f"started here; nothing is started{_MORE}"
)
SHARING_SERVER_HELP = (
    "ComfyUI's address; repeat it, and all of them share the work (default: $COMFYUI_URL, then one at "
    f"http://127.0.0.1:8188, then the installed one, which is started when nothing answers{_MORE}"
)
PHOTO_HELP = "a photo, several, a folder, an address (https://…), or - for standard input"
PHOTOS_HELP = "photos, folders (with all below them), patterns or addresses (https://…)"
RESUME_HELP = "need not be typed: the same command goes on with what is in --out, and what failed is tried again"
COMMANDS = {
    "submit": "runner.cli.submit",
    "batch": "runner.cli.batch",
    "studio": "runner.cli.studio",
    "mcp": "runner.cli.mcp",
    "cutouts": "runner.cli.cutouts",
    "filter": "runner.cli.filter",
    "enhance": "runner.cli.enhance",
    "check": "runner.cli.check",
    "recolor": "runner.cli.recolor",
    "spin": "runner.cli.spin",
    "caption": "runner.cli.caption",
    "train": "runner.cli.train",
    "report": "runner.cli.report",
    "explore": "runner.cli.explore",
    "vary": "runner.cli.vary",
    "workflows": "runner.cli.workflows",
    "inputs": "runner.cli.inputs",
    "validate": "runner.cli.validate",
    "models": "runner.cli.models",
    "serve": "runner.cli.serve",
    "logs": "runner.cli.logs",
    "status": "runner.cli.status",
    "cancel": "runner.cli.cancel",
    "smoke": "runner.cli.smoke",
    "config": "runner.cli.config",
    "completion": "runner.cli.completion",
    "help": "runner.cli.help",
}
"""Command → its module, in the order of `--help`."""


class ListedHelp(argparse.HelpFormatter):
    """Texts in lines of the terminal's width, in which a line that is indented stays one: a command, to be pasted."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = []
        for line in text.splitlines():
            is_kept = line.startswith("  ") or not line.strip()
            lines.append(line if is_kept else super()._fill_text(line, width, indent))
        return "\n".join(lines)


class Command(NamedTuple):
    """What the module of a command offers."""

    add_parser: Callable[[Subparsers], argparse.ArgumentParser]
    run: Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """What it says of a command line repeats it, and with it the names that a `*` has put there.

    Its help begins with examples. Options may stand anywhere, also between photos, on every Python.
    """

    def options(self) -> frozenset[str]:
        """Every option it knows, with its dashes."""
        return frozenset(self._option_string_actions)

    def format_usage(self) -> str:
        return f"usage: {self._called()}\n"

    def format_help(self) -> str:
        self.usage = self._called()
        examples = "".join(f"  {example}\n" for example in examples_of(" ".join(self._words())))
        return (f"examples:\n{examples}\n" if examples else "") + super().format_help()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Positional arguments behind all options: argparse gives `nargs="*"` only those that stand together."""
        ordered = args if args is None or self.commands() else self._ordered(args)
        return super().parse_known_args(ordered, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError: a wrong command line is told as everything else that is wrong."""
        choices = [
            f"{action.metavar} is one of {', '.join(map(str, action.choices))}"
            for action in self.positionals()
            if action.choices and "are required" in message and str(action.metavar) in message
        ]
        if (switch := _VALUE_OF_A_SWITCH.fullmatch(message)) is not None:
            message = f"{switch[1]} takes no value: with it is yes, without it is no"
        if (lacking := _LACKS_A_VALUE.fullmatch(message)) is not None:
            message = f"{lacking[1]} needs a value behind it"
        said = "; ".join([message, *choices])
        raise UsageError(said if said.endswith("?") else f"{said}.", advice=f"`{self.help_command()}` says more.")

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """In words: argparse names the function that could not read the text."""
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            if not str(error.message).startswith("invalid "):
                raise
            kind = "whole number" if _is_number(arg_string) else "number"
            raise argparse.ArgumentError(action, f"{arg_string!r} is no {kind}") from None

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(choice) for choice in action.choices]
            words = f"{value!r} is none of: {', '.join(names)}.{did_you_mean(str(value), names)}"
            raise argparse.ArgumentError(action, words.removesuffix("."))

    def help_command(self) -> str:
        return spell("help", *self._words())

    def commands(self) -> Mapping[str, argparse.ArgumentParser]:
        """Those that it knows; none where it is one itself."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return dict(action.choices)
        return {}

    def positionals(self) -> list[argparse.Action]:
        return [action for action in self._actions if not action.option_strings]

    def optionals(self) -> list[argparse.Action]:
        return [action for action in self._actions if action.option_strings]

    def _words(self) -> list[str]:
        """Which command it is: `models list`."""
        return self.prog.removeprefix(spell()).split()

    def _ordered(self, args: Sequence[str]) -> list[str]:
        options: list[str] = []
        others: list[str] = []
        words = list(args)
        while words:
            word = words.pop(0)
            if word == "--":
                return [*options, "--", *others, *words]
            if not word.startswith("-") or word == "-" or NEGATIVE.fullmatch(word):
                others.append(word)
                continue
            options.append(word)
            action = self._option_string_actions.get(word)
            if action is None or action.nargs not in (None, argparse.OPTIONAL):
                continue
            if not words and action.nargs is None:  # what it lacks is none of the words in front of it
                return list(args)
            if words and (action.nargs is None or not words[0].startswith("-")):
                options.append(words.pop(0))
        return [*options, *others]

    def _called(self) -> str:
        shapes = {"*": "[{} ...]", "?": "[{}]", "+": "{} ..."}
        named = [
            shapes.get(str(action.nargs), "{}").format(action.metavar or action.dest) for action in self.positionals()
        ]
        return " ".join([self.prog, *named, "[options]"]).replace("%", "%%")

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(console.clean(message), file)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def load_command(name: str) -> Command:
    module = importlib.import_module(COMMANDS[name])
    return Command(module.add_parser, module.run)


def build_parser(argv: Sequence[str]) -> Parser:
    """The parser for this command line. Only the command that is called is imported; `--help` needs them all."""
    parser = Parser(
        prog=spell(),
        description="One product photo in, finished product pictures out, by ComfyUI workflows and without a browser. "
        "Instead of a command stands the name of a workflow and the photos for it.",
        epilog=f"`{spell('help', 'COMMAND')}` says more about a command, `{spell('help', 'WORKFLOW')}` about a "
        f"workflow, `{spell('help', 'servers')}` about servers.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"prodgen {__version__}")
    subparsers: Any = parser.add_subparsers(dest="command", metavar="COMMAND|WORKFLOW", required=True)
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
    from runner.http.auth import has_credentials

    if any(has_credentials(url) for url in servers):
        raise UsageError(
            "--server holds a password, which other users of this machine can read.",
            advice="Put it into $COMFYUI_BASIC_AUTH (user:password) or $COMFYUI_TOKEN and leave it out of the URL.",
        )


def add_access_arguments(parser: argparse.ArgumentParser) -> None:
    """`--insecure` and `--ca-file`, for every command that may speak over https; `help servers` tells of them."""
    parser.add_argument(
        "--ca-file",
        type=local_path,
        metavar="FILE.pem",
        help=argparse.SUPPRESS,
    )
    parser.add_argument("--insecure", action="store_true", help=argparse.SUPPRESS)


def add_out_argument(parser: argparse.ArgumentParser, *, help_more: str = "") -> None:
    """`--out DIR`, where results go. Where it is not typed, `args.out` is `DEFAULT_OUT` itself."""
    parser.add_argument(
        "--out",
        type=out_folder,
        default=DEFAULT_OUT,
        metavar="DIR",
        help=f"the folder of the results (default: {DEFAULT_OUT.as_posix()}){help_more}",
    )


def out_folder(text: str) -> Path:
    """An argument that names the folder of results; who names a picture there means the result's own name."""
    path = local_path(text)
    if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff") and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder; a file is named with --name {path.stem}")
    return path


def decide_access(args: argparse.Namespace) -> None:
    """What the options of `add_access_arguments` say holds for every request of this command."""
    from runner.http.auth import Access, decide

    ca_file = getattr(args, "ca_file", None)
    try:
        decide(Access(insecure=getattr(args, "insecure", False), ca_file=ca_file))
    except OSError as error:
        raise UsageError(f"--ca-file {ca_file}: {error.strerror or error}.", advice="It must hold PEM text.") from error


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
    if not 0 < number <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"must be more than 0 seconds, and at most {LONGEST_S} (three weeks)")
    return number


def in_range(low: float, high: float) -> Callable[[str], float]:
    """The type of an argument that is a number from `low` to `high`, both included."""

    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be from {low:g} to {high:g}")
        return value

    return number


def whole(low: int, high: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number from `low` to `high`, both included."""

    def number(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be at least {low} and at most {high}")
        return value

    return number


at_least_one = whole(1, MOST)
"""An argument that counts something."""
any_seed = whole(-(2**63), 2**64 - 1)
"""A seed; from where on its own input says."""
