"""Every way a run can fail, one exception type per kind, and the exit code each one maps to.

The codes are public (shell scripts and CI jobs branch on them); this module is the only place that knows them.
"""

from __future__ import annotations

from collections.abc import Iterable

EXIT_OK = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_NO_SERVER = 3
EXIT_REJECTED = 4
EXIT_NODE_FAILED = 5
EXIT_TIMEOUT = 6
EXIT_QUALITY = 7
EXIT_INTERRUPTED = 130
"""What the process ends with, as `docs/commands.md` has it; programs rely on each. 130 is the shell's for Ctrl-C."""


_WORST_FIRST = (
    EXIT_BUG, EXIT_NO_SERVER, EXIT_REJECTED, EXIT_NODE_FAILED, EXIT_TIMEOUT, EXIT_INTERRUPTED, EXIT_USAGE, EXIT_QUALITY
)  # fmt: skip


def worst_code(codes: Iterable[int | None]) -> int:
    """What a run ends with whose jobs failed with these; 0 where there are none. None: nobody knows why."""
    ranked = [code if code in _WORST_FIRST else EXIT_BUG for code in codes]
    return min(ranked, key=_WORST_FIRST.index, default=EXIT_OK)


class RunnerError(Exception):
    """A failure the user can act on. `exit_code` is what the process ends with; `advice` says what to try."""

    exit_code = EXIT_BUG
    code = "fault"
    """What kind it is, for programs; JSON lines say it. Stable, like the exit codes, and finer."""
    told = False
    """A job's `failed` event has said it already: it need not be said again for the run."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}\n  {self.advice}" if self.advice else self.message


class UsageError(RunnerError):
    """The command line, an input file or a value is wrong; nothing was submitted."""

    exit_code = EXIT_USAGE
    code = "usage"


class PhotoError(UsageError):
    """An input picture cannot be used (truncated, animated, not a picture, …)."""

    code = "photo"


class WorkflowError(UsageError):
    """A workflow file cannot be read, or an input it does not have was set."""

    code = "workflow"


class ManifestError(UsageError):
    """models_manifest.yaml is broken, or a model in it cannot be had or does not match its size or sha256."""

    code = "manifest"


class ServerUnavailableError(RunnerError):
    """No server could be reached, or it went away and did not come back."""

    exit_code = EXIT_NO_SERVER
    code = "no_server"


class WorkflowRejectedError(RunnerError):
    """The server (or the check before it) refuses the workflow: missing node, missing model, bad link or value."""

    exit_code = EXIT_REJECTED
    code = "rejected"


class NodeFailedError(RunnerError):
    """A node raised while executing, or delivered a picture that is none (black, NaN, missing)."""

    exit_code = EXIT_NODE_FAILED
    code = "node_failed"


class JobTimeoutError(RunnerError):
    """Out of time; the job was cancelled on the server, as far as that could be told."""

    exit_code = EXIT_TIMEOUT
    code = "timeout"


class InterruptedRunError(RunnerError):
    """The user pressed Ctrl-C; what this run had queued was cancelled, as far as its server could be told."""

    exit_code = EXIT_INTERRUPTED
    code = "interrupted"
