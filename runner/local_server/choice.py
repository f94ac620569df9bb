"""Which server a command uses. A server that the user named is never replaced by another.

Named is what `--server` says, or else `$COMFYUI_URL`. Where neither says anything: a ComfyUI at the usual local
address, then the one this project started or starts. Those were found, not named, and are shown no secret of the
environment.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace

from runner import console
from runner.errors import EXIT_OK, ServerUnavailableError, UsageError
from runner.http.auth import admit, withhold
from runner.http.transport import BusyError, NoAccessError, NoAnswerError, NotReachedError
from runner.invocation import spell
from runner.local_server import lifecycle
from runner.local_server.lifecycle import (
    URL_VARIABLE,
    Home,
    Say,
    ensure_started,
    say_to_stderr,
    started_server,
    stop_server,
)
from runner.local_server.process import ask, port_is_free, probe

_TIMEOUTS_S = (2.0, 8.0)
"""A server that loads a model answers late, not never."""
_BUSY_WAIT_S = 5.0
"""What a server may ask to wait for and still be the one that is meant."""
_NOT_THERE = (
    "Check that it runs and that the address is right (for example http://192.168.1.20:8188; a server on another "
    f"machine must be started with --listen). Without --server and ${URL_VARIABLE}, the installed ComfyUI is used."
)


def resolve_server(urls: Sequence[str] = (), *, say: Say = say_to_stderr, home: Home | None = None) -> str:
    """The URL (without secrets) of a ComfyUI that answers; the installed one is started if there is no other.

    `urls`: the servers the user named; the first that can be used is.

    Raises ServerUnavailableError where no named server can be used, or none was named and none can be started. Raises
    UsageError where what was named is no address.
    """
    home = home or lifecycle.HERE
    if named := named_servers(urls):
        return _first_of(named, "--server" if urls else f"${URL_VARIABLE}", say)
    return found_server(say, home) or ensure_started(say=say, home=home)


def answering_server(urls: Sequence[str] = (), *, say: Say = say_to_stderr, home: Home | None = None) -> str:
    """The same, but nothing is started. Raises ServerUnavailableError when none answers."""
    home = home or lifecycle.HERE
    if named := named_servers(urls):
        return _first_of(named, "--server" if urls else f"${URL_VARIABLE}", say)
    if url := found_server(say, home):
        return url
    raise ServerUnavailableError("No ComfyUI answers.", advice=f"`{spell('serve')}` starts the installed one.")


def named_servers(urls: Sequence[str] = ()) -> list[str]:
    """What the user named; empty: nothing."""
    of_environment = os.environ.get(URL_VARIABLE, "").strip()
    return list(urls) or [of_environment] * bool(of_environment)


def found_server(say: Say, home: Home) -> str:
    """The ComfyUI at the usual local address, or the one started earlier, if it answers now; "" otherwise."""
    started = started_server(home)
    for url in dict.fromkeys([home.url, *([started.url] if started else [])]):
        withhold(url)
        try:
            ask(url, _TIMEOUTS_S[0])
        except NotReachedError:
            continue
        except ServerUnavailableError as error:
            say(f"{error.message.rstrip('.')}: looking for the installed ComfyUI.")
            continue
        return url
    return ""


def _first_of(named: Sequence[str], where: str, say: Say) -> str:
    """`where`: how they were named."""
    faults: list[ServerUnavailableError] = []
    for text in named:
        try:
            url = admit(text)
        except UsageError as error:
            raise UsageError(f"{where}: {error.message}", advice=error.advice) from error
        try:
            _ask_patiently(url)
        except ServerUnavailableError as error:
            faults.append(error)
            continue
        for fault in faults:
            say(f"Not used: {fault.message}")
        return url
    told = "\n".join(map(_told, faults)) + ("" if where == "--server" else f" It was named by {where}.")
    advice = next((fault.advice for fault in faults if fault.advice), _NOT_THERE)
    failure = NoAccessError if all(isinstance(fault, NoAccessError) for fault in faults) else ServerUnavailableError
    raise failure(told, advice=advice) from faults[0]


def _served_at(port: int, say: Say, home: Home) -> str:
    """The ComfyUI at this port of this machine, started if there is none.

    Raises UsageError where another was started here, or something else has the port.
    """
    asked = replace(home, port=port, any_port=False)
    running = started_server(home)
    if running is not None and running.url != asked.url:
        raise UsageError(
            f"A ComfyUI was started here already, at {running.url}: one installation runs one server.",
            advice=f"Use it (what it is at: {spell('status')}), or end it first: {spell('serve', '--stop')}",
        )
    withhold(asked.url)
    if running is None and probe(asked.url) is not None:
        return asked.url
    if running is None and not port_is_free(port):
        raise UsageError(
            f"What answers at {asked.url} is no ComfyUI: the port is taken.", advice="Name another --port."
        )
    return ensure_started(say=say, home=asked)


def _told(fault: ServerUnavailableError) -> str:
    return f"No ComfyUI{rest}" if (rest := fault.message.removeprefix("No server")) != fault.message else rest


def _ask_patiently(url: str) -> None:
    """Raises ServerUnavailableError with what answered instead of a ComfyUI."""
    for timeout in _TIMEOUTS_S:
        last = timeout == _TIMEOUTS_S[-1]
        try:
            ask(url, timeout)
        except BusyError as error:
            if last or error.wait > _BUSY_WAIT_S:
                raise
            time.sleep(error.wait or 1.0)
        except NotReachedError:
            if last:
                raise
            time.sleep(0.1)
        except NoAnswerError:
            if last:
                raise
        else:
            return


def serve_command(
    *, stop: bool = False, port: int | None = None, say: Say = say_to_stderr, home: Home | None = None
) -> int:
    """`runner serve [--stop] [--port N]`: prints the server's URL on standard output; returns the exit code.

    Raises UsageError where the port that was asked for cannot be had.
    """
    home = home or lifecycle.HERE
    if stop:
        stop_server(say=say, home=home)
        return EXIT_OK
    before = started_server(home)
    url = resolve_server(say=say, home=home) if port is None else _served_at(port, say, home)
    after = started_server(home)
    if after is None or after.url != url:
        say(f"ComfyUI already runs at {url} (it was not started here).")
    elif before is not None and before.pid == after.pid:
        say(f"ComfyUI already runs at {url}.")
    console.show(url)
    return EXIT_OK
