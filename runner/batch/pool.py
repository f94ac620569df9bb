"""Several workers on one ledger: what one of them loses, the others make."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from runner.batch.ledger import Ledger
from runner.batch.worker import Worker
from runner.errors import InterruptedRunError, JobTimeoutError, ServerUnavailableError

SEVERAL_PATIENCE_S = 15.0
"""How long one of several workers may be gone before its jobs go to the others."""
LOOK_AGAIN_S = 5.0
"""Between looks for a worker that is gone: a ComfyUI takes longer to start."""


def run_pool(workers: Sequence[Worker], ledger: Ledger, notice: Callable[[str], None]) -> None:
    """Every worker works until nothing is left; one that goes away hands its jobs to the others and may come back.

    Raises ServerUnavailableError where all that could have done what is left went away. Raises JobTimeoutError where
    the time is up.
    """
    for worker in workers:
        ledger.runners.add_worker(worker.url)
    if len(workers) == 1:
        workers[0].run()
        return
    pool = _Pool(workers, ledger, notice)
    pool.start()
    try:
        pool.wait()
    except ServerUnavailableError:  # all have ended; who watches a folder begins again
        raise
    except BaseException:
        ledger.store.stop_waiting()
        pool.stop()
        raise


class _Pool:
    def __init__(self, workers: Sequence[Worker], ledger: Ledger, notice: Callable[[str], None]) -> None:
        self._workers, self._ledger, self._notice = workers, ledger, notice
        self._errors: dict[str, BaseException] = {}
        self._working = {worker.url for worker in workers}
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in workers]

    def start(self) -> None:
        for worker in self._workers:
            worker.patience = SEVERAL_PATIENCE_S
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        while any(thread.is_alive() for thread in self._threads):
            time.sleep(0.1)
        errors = sorted(self._errors.values(), key=_weight)
        if errors and (self._ledger.unfinished() or not isinstance(errors[0], ServerUnavailableError)):
            raise errors[0]

    def stop(self) -> None:
        self._ending.set()
        for worker in self._workers:
            worker.ask_to_stop()
        for thread in self._threads:
            thread.join(2.0)

    def _work(self, worker: Worker) -> None:
        try:
            while not self._ending.is_set():
                try:
                    worker.run()
                    self._errors.pop(worker.url, None)
                    return
                except ServerUnavailableError as error:
                    first = worker.url not in self._errors
                    self._errors[worker.url] = error
                    self._working.discard(worker.url)
                    if not self._working or not self._ledger.unfinished():
                        return
                    if first:
                        self._notice(f"{worker.label} is gone: its jobs go to the others. It is looked for every 5 s.")
                    self._ending.wait(LOOK_AGAIN_S)
                    self._working.add(worker.url)
        except InterruptedRunError:
            return
        except BaseException as error:
            self._errors[worker.url] = error
        finally:
            self._working.discard(worker.url)


def _weight(error: BaseException) -> int:
    """A fault of ours is told before the end of the time, and that before a server that was gone."""
    return 2 if isinstance(error, ServerUnavailableError) else 1 if isinstance(error, JobTimeoutError) else 0
