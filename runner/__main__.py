"""`prodgen`, `python -m runner`: parse, run the command, turn every failure into its message and its exit code."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from runner import console, log
from runner.cli import completion
from runner.cli.parser import decide_access, load_command
from runner.cli.words import NothingTypedError, parse
from runner.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, RunnerError, UsageError
from runner.words import hanging, set_in


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (the table is in `runner.errors`)."""
    console.prepare()
    argv = list(sys.argv[1:] if argv is None else argv)
    args, json_lines = argparse.Namespace(), "--json" in argv
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name that is no text here is no reason to stop
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        args = parse(argv)
        _begin_log(args, argv)
        _take_settings(args)
        decide_access(args)
        _decide_signing(args)
        code = load_command(args.command).run(args)
        return EXIT_USAGE if console.lost_answer() and code == EXIT_OK else code
    except RunnerError as error:
        _fail(error, json_lines, verbose=getattr(args, "verbose", False))
        return error.exit_code
    except KeyboardInterrupt:
        console.tell("\ninterrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        import traceback

        from runner.cli.lacking import lacking

        if (missing := lacking(error, argv)) is not None:
            _fail(missing, json_lines=False)  # JSON lines may need what is not there
            return missing.exit_code
        trace = console.clean(traceback.format_exc().rstrip())
        if (refused := _refused_file(error)) is not None:
            (console.tell if getattr(args, "verbose", False) else log.record)(trace)
            _fail(refused, json_lines)
            return refused.exit_code
        shown = getattr(args, "verbose", True)  # a command without that option has no other way to say it
        (console.tell if shown else log.record)(trace)
        advice = "" if shown else "--verbose shows where; please report it with that."
        _fail(RunnerError(f"An unexpected fault: {type(error).__name__}: {error}", advice=advice), json_lines)
        return EXIT_BUG
    finally:
        if why := log.stop():
            console.tell(f"warning: --log {getattr(args, 'log', '')}: it is not whole ({why}).")


def _begin_log(args: argparse.Namespace, argv: Sequence[str]) -> None:
    """Keep everything of this run in the file of `--log`."""
    if getattr(args, "log", None) is None:
        return
    import shlex

    from runner import __version__

    try:
        log.start(args.log)
    except OSError as error:
        raise UsageError(
            f"--log {args.log}: {error.strerror or error}.", advice="Name a file you may write."
        ) from error
    log.record(console.clean_line(f"prodgen {__version__}: {shlex.join(argv)}"))


def _take_settings(args: argparse.Namespace) -> None:
    """What a recipe and `prodgen.toml` say where nothing was typed, and which one said it."""
    from runner.cli.settings import apply

    by_file: dict[str, list[str]] = {}
    warnings = []
    for setting in apply(args):
        if setting.is_warning:
            warnings.append(f"warning: {setting.source}: {setting.key}")
            continue
        said = f"{setting.key.removeprefix('set.')}={setting.value}" if setting.value else setting.key
        by_file.setdefault(str(setting.source), []).append(said)
    for path, settings_read in by_file.items():
        console.tell(f"{path}: {', '.join(settings_read)}")
    for warning in warnings:
        console.tell(warning)


def _decide_signing(args: argparse.Namespace) -> None:
    """Whether this run's pictures are signed, and with what."""
    certificate, key = getattr(args, "c2pa_cert", None), getattr(args, "c2pa_key", None)
    if certificate is None and key is None and "runner.files.credentials" not in sys.modules:
        return
    from runner.files.credentials import decide

    decide(certificate, key)
    if certificate is not None and getattr(args, "ray", None) is not None:
        raise UsageError("--ray and --c2pa-cert do not go together: the key does not leave this machine.")


def _refused_file(error: Exception) -> UsageError | None:
    """What the system says of a file, where that is why: its folder may not be entered, its name is too long, its disk
    is ill. Before Python 3.14 that ends even the question whether there is such a file."""
    if not isinstance(error, OSError) or not isinstance(error.filename, (str, bytes)):
        return None
    advice = "Allow yourself to enter its folder and those above it, or name another."
    return UsageError(
        f"{os.fsdecode(error.filename)}: {error.strerror or error}.",
        advice=advice if isinstance(error, PermissionError) else "",
    )


def _fail(error: RunnerError, json_lines: bool, *, verbose: bool = False) -> None:
    if json_lines and not error.told:
        from runner.execution.failures import failed_event

        console.json_line(failed_event(error, 0, None).as_json())
    if json_lines or not error.told:
        console.tell(str(error) if isinstance(error, NothingTypedError) else f"error: {hanging(str(error))}")
        if verbose and (trace := getattr(error, "trace", "")):
            console.tell(set_in(trace))


def program() -> None:
    """The command `prodgen`."""
    _in_utf8()
    completion.answer()
    sys.exit(main())


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
    program()
