"""The one place where text reaches a terminal, a pipe or a log.

Much of it comes from servers, files and tables of others: what could move the cursor, rename the window, hide or turn
round a part of a line is taken out of it. JSON lines are ASCII: valid for every reader, harmless on every terminal.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import sys
import textwrap
import warnings
from collections.abc import Mapping
from typing import Any, TextIO

from runner import log
from runner.data import to_json
from runner.invocation import spell

_SEQUENCES = re.compile(
    # OSC, DCS and their like. None begins inside of another, so every character is looked at for one of them alone.
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n\x90\x98\x9d-\x9f]{0,4096}(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]?"  # CSI
    r"|\x1b[ -/]{0,16}[0-~]?"
)
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_NARROWEST = 20
"""Columns below which nothing is broken any more."""
_JOINT = "\ue000"
"""Stands for a space at which no line is broken; nobody writes it."""
_HANDLER = "prodgen-console"
_closed: set[str] = set()
"""The streams that were closed before we began."""
_lost: list[str] = []
"""What could not be written of the answer of a command."""


def clean(text: str) -> str:
    """The text without control sequences, control and bidirectional characters; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _HARMFUL.sub("\ufffd", _SEQUENCES.sub("", text.replace("\r\n", "\n")))


def clean_line(text: str) -> str:
    """The same, in one line."""
    return " ".join(clean(text).split("\n"))


def show(text: str) -> None:
    """Lines that are the answer of a command: standard output."""
    _write(sys.stdout, clean(text) + "\n", is_answer=True)


def lost_answer() -> bool:
    """Whether a command's answer could not be written, and not because its reader had enough."""
    return bool(_lost)


def no_bytes() -> str:
    """Why standard output takes no picture, or ""."""
    if "stdout" in _closed:
        return "it is closed"
    if not hasattr(sys.stdout, "buffer"):
        return "it takes text alone"
    return "it is a terminal" if sys.stdout.isatty() else ""


def pour(data: bytes) -> str:
    """Bytes that are the answer of a command. Returns why they could not be written whole, or ""."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        _turn_off(sys.stdout)
        return error.strerror or str(error)
    return ""


def tell(text: str) -> None:
    """Lines for people on the way: standard error. Standard output belongs to results."""
    line(text, sys.stderr)


def ask(text: str) -> None:
    """A question whose answer is typed behind it."""
    _write(sys.stderr, clean(text))


def redraw(text: str = "") -> None:
    """Put one line of standard error, a terminal, in the place of the one before; without text: take it away."""
    _write(sys.stderr, f"\r\x1b[K{clean_line(text)}", kept=False)


def result(path: str, stream: TextIO | None = None) -> None:
    """A path on standard output: exact for whoever reads it from a pipe."""
    stream = stream or sys.stdout
    _write(stream, (clean_line(path) if stream.isatty() else path) + "\n")


def line(text: str, stream: TextIO) -> None:
    text = clean(text)
    log.record(text + "\n")
    width = _width(stream)
    _write(stream, (text if width is None else wrapped(text, width)) + "\n", kept=False)


def wrapped(text: str, width: int) -> str:
    """The same in lines that are broken between words, and never inside of a command of ours, which is to be pasted."""
    command = re.escape(spell())
    whole = re.compile(rf"`{command} [^`]*`|(?<![^\s(]){command} .*")
    lines = []
    for one in text.split("\n"):
        if len(one) <= width:
            lines.append(one)
            continue
        joined = whole.sub(lambda found: found[0].replace(" ", _JOINT), one)
        indent = joined[: len(joined) - len(joined.lstrip(" -"))]
        further = " " * len(indent) if indent else "  "
        words = joined[len(indent) :]
        lines += textwrap.wrap(
            words, max(width, _NARROWEST), initial_indent=indent, subsequent_indent=further,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    return "\n".join(lines).replace(_JOINT, " ")


def _width(stream: TextIO) -> int | None:
    """Columns of a terminal; None where it is none: a pipe gets its lines whole."""
    try:
        if not stream.isatty():
            return None
        columns = os.environ.get("COLUMNS", "")
        return int(columns) if columns.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return None


def json_line(value: Mapping[str, Any], stream: TextIO | None = None) -> None:
    """One JSON object on standard output."""
    _write(stream or sys.stdout, json_text(value) + "\n", kept=False)  # what it tells is in the log as an event


def json_text(value: Any) -> str:
    """ASCII, and valid JSON whatever is in it: a number that is none becomes null."""
    return to_json(value, ensure_ascii=True).replace("\x7f", "\\u007f")


def prepare() -> None:
    """From now on, no character that this console does not have ends a command, nor a stream that was closed before."""
    # Pillow warns of EXIF it cannot read, in its own words and with its own path: what a photo lacks is told in ours.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    codecs.register_error(_HANDLER, _unencodable)
    _lost.clear()
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_HANDLER)


def _unencodable(error: UnicodeError) -> tuple[str | bytes, int]:
    """A file name that is not UTF-8 leaves as the bytes it is; what a console lacks, as an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    part = error.object[error.start : error.end]
    if all("\udc80" <= character <= "\udcff" for character in part):
        return part.encode("utf-8", "surrogateescape"), error.end
    return codecs.backslashreplace_errors(error)


def _open_what_is_closed() -> None:
    """Whoever starts us with a closed stream (`>&-`) wants nothing from it; the next file must not take its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            _closed.add(name)
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - as long as we live


def _write(stream: TextIO, text: str, *, is_answer: bool = False, kept: bool = True) -> None:
    """What cannot be said is no reason to stop: a full disk under a log, a reader that has gone."""
    if kept:
        log.record(text)
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        _turn_off(stream)
        if stream is sys.stderr or isinstance(error, BrokenPipeError):
            return
        _lost.extend([text] * is_answer)
        comfort = "" if is_answer else ": what is made is saved all the same"
        tell(f"Standard output cannot be written ({error.strerror or error}){comfort}.")


def _turn_off(stream: TextIO) -> None:
    """Let a stream lead nowhere, with what it still holds: Python writes that at the end, and fails once more."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()
