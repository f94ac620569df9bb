"""`python -m runner`: parse, run the command, turn every failure into its message and its exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from runner import console
from runner.cli.parser import build_parser, decide_access, load_command
from runner.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, RunnerError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (the table is in `runner.errors`)."""
    console.prepare()
    argv = list(sys.argv[1:] if argv is None else argv)
    args = build_parser(argv).parse_args(argv)  # argparse itself ends with 2 on a bad command line
    json_lines = bool(getattr(args, "json", False))
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name that is no text here is no reason to stop
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        decide_access(args)
        code = load_command(args.command).run(args)
        return EXIT_USAGE if console.lost_answer() and code == EXIT_OK else code
    except RunnerError as error:
        _fail(error, json_lines)
        return error.exit_code
    except KeyboardInterrupt:
        console.tell("\ninterrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        import traceback

        console.tell(traceback.format_exc().rstrip())
        _fail(RunnerError(f"An unexpected fault: {type(error).__name__}: {error}"), json_lines)
        return EXIT_BUG


def _fail(error: RunnerError, json_lines: bool) -> None:
    if json_lines and not error.told:
        from runner.execution.failures import failed_event

        console.json_line(failed_event(error, 0, None).as_json())
    if json_lines or not error.told:
        console.tell(f"error: {error}")


def _in_utf8() -> None:
    """Begin anew where the system's locale has names of files read as another code than UTF-8 (`LC_ALL=C` and such).

    What a ledger, a table or a server calls a file would be found under no such name. A console keeps the code it has.
    """
    if os.name != "posix" or sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    environment, code = dict(os.environ), getattr(sys.stdout, "encoding", None) or "ascii"
    if code != "ascii":
        environment.setdefault("PYTHONIOENCODING", code)
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]], environment)  # noqa: S606 - ourselves


if __name__ == "__main__":
    _in_utf8()
    sys.exit(main())
