"""`completion SHELL`: the script that lets a shell complete our commands, workflows, photos and inputs by TAB.

argcomplete asks this program itself at every TAB, so what it offers is what there is.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from runner import console
from runner.cli.parser import ListedHelp
from runner.errors import EXIT_OK, UsageError
from runner.invocation import NAME

if TYPE_CHECKING:
    from runner.cli.parser import Subparsers

_WHERE = {
    "bash": '~/.bashrc: eval "$({0} completion bash)"',
    "zsh": '~/.zshrc: eval "$({0} completion zsh)"',
    "fish": "~/.config/fish/config.fish: {0} completion fish | source",
    "powershell": "$PROFILE: {0} completion powershell | Out-String | Invoke-Expression",
    "tcsh": "~/.tcshrc: eval `{0} completion tcsh`",
}


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "completion",
        help="let your shell complete what you type (TAB)",
        description="Print the script that lets a shell complete commands, workflows, options and the names of inputs. "
        "To have it in every terminal, a line in its start-up file:",
        epilog="\n".join(f"  {place.format(NAME)}" for place in _WHERE.values()),
        formatter_class=ListedHelp,
        allow_abbrev=False,
    )
    parser.add_argument("shell", metavar="SHELL", choices=list(_WHERE), help=", ".join(_WHERE))
    return parser


def run(args: argparse.Namespace) -> int:
    """The `completion` command."""
    try:
        from argcomplete import shellcode
    except ImportError:
        raise UsageError(
            "completion needs the Python package argcomplete, which is not installed.", advice="Run install.py again."
        ) from None
    console.show(str(shellcode([NAME], shell=args.shell)).rstrip())
    console.tell(f"In every terminal: {_WHERE[args.shell].format(NAME)}")
    return EXIT_OK


def answer() -> None:
    """Answer a shell that asks what may follow, and end; do nothing where none asks."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    argcomplete.autocomplete(_parser_for(_called()))


def _called() -> str:
    """The command that is typed already; `submit` is put in front of a workflow, as it is where the line is run."""
    from runner.cli.parser import COMMANDS
    from runner.cli.typed import is_workflow

    line, point = os.environ.get("COMP_LINE", ""), os.environ.get("COMP_POINT", "")
    typed = line[: int(point)] if point.isdecimal() else line
    words = typed.split()[1:] if typed.endswith(" ") else typed.split()[1:-1]
    called = next((word for word in words if not word.startswith("-")), "")
    if called in COMMANDS or not called or not is_workflow(called):
        return called
    at = len(typed) - len(typed.lstrip())
    at = line.index(called, at + len(typed.split()[0]))
    os.environ["COMP_LINE"] = f"{line[:at]}submit {line[at:]}"
    if point.isdecimal():
        os.environ["COMP_POINT"] = str(int(point) + len("submit "))
    return "submit"


def _parser_for(called: str) -> argparse.ArgumentParser:
    from runner.cli import shops
    from runner.cli.parser import COMMANDS, Parser, load_command
    from runner.workflow.load import available_workflows

    parser = Parser(prog=NAME)
    commands: Any = parser.add_subparsers(dest="command")
    if called in COMMANDS:
        command = load_command(called).add_parser(commands)
        for action in command.positionals() if isinstance(command, Parser) else ():
            if called == "help" and action.dest == "about":
                _complete(action, _subjects)
            elif action.dest == "workflow":
                _complete(action, lambda **_: list(available_workflows()))
        for action in command.optionals() if isinstance(command, Parser) else ():
            if action.dest == "set":
                _complete(action, _inputs)
            elif action.dest == "workflow":
                _complete(action, lambda **_: list(available_workflows()))
            elif action.dest in ("channel", "channels"):
                _complete(action, _several_shops if action.dest == "channels" else lambda **_: list(shops.shops()))
        return parser
    for name in [*COMMANDS, *available_workflows(), *shops.WORDS]:
        if name not in parser.commands():
            commands.add_parser(name)
    return parser


def _subjects(**_: Any) -> list[str]:
    """All that `help` knows something about."""
    from runner.cli import shops
    from runner.cli.help import TOPICS
    from runner.cli.parser import COMMANDS
    from runner.workflow.load import available_workflows

    return [*COMMANDS, *TOPICS, *available_workflows(), *shops.shops()]


def _several_shops(prefix: str, **_: Any) -> list[str]:
    """The shops that are not in `prefix` (`amazon,eb`) yet, behind those that are."""
    from runner.cli import shops

    before, comma, _typed = prefix.rpartition(",")
    return [f"{before}{comma}{shop}" for shop in shops.shops() if shop not in before.split(",")]


def _complete(action: argparse.Action, completer: Any) -> None:
    action.completer = completer  # type: ignore[attr-defined]  # where argcomplete looks for it


def _inputs(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """The inputs of the workflow that was named, and the choices of one of them behind its `=`."""
    from runner.errors import RunnerError
    from runner.workflow.load import WORKFLOWS_DIR, load_workflow
    from runner.workflow.schema import recorded_object_info

    schema = recorded_object_info(WORKFLOWS_DIR)
    try:
        specs = load_workflow(str(getattr(parsed_args, "workflow", ""))).inputs(schema)
    except RunnerError:
        return []
    name, mark, _typed = prefix.partition("=")
    if not mark:
        return [f"{spec.name}=" for spec in specs]
    return [f"{name}={option}" for spec in specs if spec.name == name for option in spec.options or ()]
