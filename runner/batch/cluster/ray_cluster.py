"""Ray: a cluster that runs already, or one on this machine alone; one restarting actor per GPU."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import platform
import secrets
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from runner.batch.cluster.actor import Actor
from runner.batch.cluster.actor_worker import ActorWorker
from runner.batch.cluster.address import ADVICE, check, running_here
from runner.batch.cluster.link import LostError
from runner.batch.cluster.messages import Job, Message, Order, UnknownRunError
from runner.batch.worker import Batch
from runner.errors import RunnerError, ServerUnavailableError, UsageError
from runner.local_server.process import PROJECT_ROOT

ADDRESS_VARIABLE = "RAY_ADDRESS"
LOCAL = "local"
_CLOSE_S = 4.0
"""What an actor needs to end its run (`actor._HALT_S`) and to say so."""
_UNREACHABLE_S = 20.0
"""Beyond the wait itself: a call that takes longer never reached the actor."""
_DEATHS = 3
"""Actors that died one after the other: it is the node, not the job."""


class Cluster:
    """A connection to Ray. `with` it: at the end the actors are gone, and so is a cluster that was started here."""

    def __init__(self, asked: str, workers: int | None, say: Callable[[str], None]) -> None:
        """
        Args:
            asked: HOST:PORT, `local`, or "" for $RAY_ADDRESS, then a cluster that runs on this machine, then `local`.
            workers: how many actors; None: as many as there are GPUs.

        Raises UsageError where Ray is not installed, or how many actors there shall be cannot be known. Raises
        ServerUnavailableError where there is no cluster at the address.
        """
        address = asked or os.environ.get(ADDRESS_VARIABLE, "").strip() or running_here() or LOCAL
        self._own = address == LOCAL
        if not self._own:
            check(address)
        self._undo = contextlib.ExitStack()
        if self._own:
            self._undo.enter_context(_environment(_only_here()))
        try:
            self._ray = _imported()
            # Standard output is for results; Ray writes there what its nodes say.
            self._undo.enter_context(contextlib.redirect_stdout(_Nowhere()))
            with _signals_kept():
                self._connect(address, workers, say)
        except BaseException:
            self._undo.close()
            raise
        try:
            self._links = self._started(workers)
        except BaseException:
            self.close()
            raise

    def workers(self, batch: Batch) -> list[ActorWorker]:
        """A worker for every actor."""
        folder = hashlib.sha256(f"{platform.node()}:{batch.out.resolve()}".encode()).hexdigest()[:12]
        losses: Counter[int] = Counter()
        return [
            ActorWorker(f"ray-{number}", link, f"{folder}-{number}", batch, losses)
            for number, link in enumerate(self._links, 1)
        ]

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the ComfyUIs and the actors; a cluster that ran before goes on running."""
        try:
            closing = [ref for link in getattr(self, "_links", []) if (ref := link.close()) is not None]
            if closing:
                self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_S)
            for link in getattr(self, "_links", []):
                link.kill()
        finally:
            self._ray.shutdown()
            self._undo.close()

    # inside

    def _connect(self, address: str, workers: int | None, say: Callable[[str], None]) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
        if self._own:
            say("Starting a Ray cluster on this machine; it ends with the batch.")
            cpus = max(workers or 1, os.cpu_count() or 1)
            self._ray.init(address=LOCAL, num_cpus=cpus, include_dashboard=False, **quiet)
            return
        try:
            self._ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError, self._ray.exceptions.RayError) as error:
            why = str(error).strip().splitlines()
            raise ServerUnavailableError(
                f"The Ray cluster at {address} cannot be used: {why[0] if why else type(error).__name__}",
                advice=ADVICE,
            ) from error

    def _started(self, workers: int | None) -> list[RayLink]:
        resources = self._ray.cluster_resources()
        gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 0))
        if gpus == 0 and workers is None:
            raise UsageError(
                "The cluster has no GPU.", advice="--ray-workers N starts N ComfyUIs on its CPUs, which is slow."
            )
        have, kind, wanted = (gpus, "GPU", {"num_gpus": 1, "num_cpus": 0}) if gpus else (cpus, "CPU", {"num_cpus": 1})
        if workers is not None and workers > have:
            raise UsageError(f"--ray-workers {workers}: the cluster has {have} {kind}s.", advice="Each takes one.")
        # A call that was under way when its actor died may have been acted on: Ray must not repeat it.
        options = {"max_restarts": -1, "max_task_retries": 0, "max_concurrency": 16, **wanted}
        actor = self._ray.remote(**options)(Actor)
        return [RayLink(self._ray, actor.remote) for _ in range(workers or have)]


class RayLink:
    """The way to one actor (see `Link`)."""

    def __init__(self, ray: Any, make: Callable[[], Any]) -> None:
        self._ray, self._make = ray, make
        self._actor = make()
        self._begun = False

    def begin(self, order: Order, stopped: threading.Event) -> None:
        errors = self._ray.exceptions
        answer, deaths = None, 0
        while not stopped.is_set():
            try:
                answer = self._actor.begin.remote(order) if answer is None else answer
                self._ray.get(answer, timeout=0.5)
                self._begun = True
                return
            except errors.GetTimeoutError:
                continue
            except errors.RayTaskError as error:
                if isinstance(error.cause, RunnerError):
                    raise error.cause from None
                raise
            except errors.ActorUnavailableError:
                answer = None
            except errors.RayActorError as error:
                deaths += 1
                if deaths >= _DEATHS or "creation task" in str(error):
                    raise ServerUnavailableError(
                        f"The actor does not start: {_last_line(error)}",
                        advice="Every node needs this project (the same version) in the Python that runs Ray there.",
                    ) from error
                answer, self._actor = None, self._make()
            stopped.wait(0.5)

    def offer(self, run: str, job: Job) -> None:
        with self._lost_told():
            self._actor.offer.remote(run, job)

    def news(self, run: str, after: int, wait: float) -> list[tuple[int, Message]]:
        with self._lost_told():
            messages: list[tuple[int, Message]] = self._ray.get(
                self._actor.news.remote(run, after, wait), timeout=wait + _UNREACHABLE_S
            )
            return messages

    def finish(self, run: str) -> None:
        with self._lost_told():
            self._actor.finish.remote(run)

    def halt(self, run: str) -> None:
        with self._lost_told():
            self._actor.halt.remote(run)

    def close(self) -> Any:
        """What to wait for until everything there has ended; None when nothing began."""
        with contextlib.suppress(LostError), self._lost_told():
            return self._actor.close.remote() if self._begun else None
        return None

    def kill(self) -> None:
        with contextlib.suppress(LostError), self._lost_told():
            self._ray.kill(self._actor)

    @contextlib.contextmanager
    def _lost_told(self) -> Iterator[None]:
        errors = self._ray.exceptions
        try:
            yield
        except (errors.RayActorError, errors.GetTimeoutError, UnknownRunError) as error:
            raise LostError(_last_line(error)) from error


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """These variables are set inside."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _imported() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise UsageError(
            "--ray needs Ray, which is not installed.",
            advice=f'Install it: "{sys.executable}" -m pip install "prodgen[ray]"',
        ) from error
    return ray


def _only_here() -> dict[str, str]:
    """For a cluster of our own: it listens on loopback only, takes nobody's orders but ours, and reports to nobody."""
    path = os.pathsep.join(filter(None, [str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]))
    return {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # the name is older than the meaning: the node's address is 127.0.0.1
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": path,
    }


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes over SIGTERM; the runner has its own use for it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
