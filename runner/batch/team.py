"""Several servers on one ledger: what one of them loses, the others make."""

from __future__ import annotations

import threading
import time

from runner.batch.run import Worker
from runner.errors import InterruptedRunError, ServerUnavailableError

SEVERAL_PATIENCE_S = 15.0
"""How long one of several servers may be gone before its jobs go to the others."""


def run_all(workers: list[Worker]) -> None:
    """Every server works until nothing is left; one that goes away hands its jobs to the others and may come back.

    Raises:
        ServerUnavailableError: all of them went away.
    """
    if len(workers) == 1:
        workers[0].run()
        return
    team = _Team(workers)
    team.start()
    try:
        team.wait()
    except BaseException:
        team.stop()
        raise


class _Team:
    def __init__(self, workers: list[Worker]) -> None:
        self._workers = workers
        self._errors: dict[str, BaseException] = {}
        self._away: set[str] = set()
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
        if self._errors and self._workers[0].ledger.unfinished():
            raise next(iter(self._errors.values()))

    def stop(self) -> None:
        self._ending.set()
        for worker in self._workers:
            worker.ask_to_stop()
        for thread in self._threads:
            thread.join(2.0)

    def _work(self, worker: Worker) -> None:
        while not self._ending.is_set():
            try:
                worker.run()
                self._errors.pop(worker.url, None)
                return
            except ServerUnavailableError as error:
                self._errors[worker.url] = error
                self._away.add(worker.url)
                if len(self._away) == len(self._workers) or not worker.ledger.unfinished():
                    return
                worker.view.notice(f"{worker.url} is gone: its jobs go to the others. It is looked for every 5 s.")
                self._ending.wait(5.0)
                self._away.discard(worker.url)
            except InterruptedRunError:
                return
            except BaseException as error:
                self._errors[worker.url] = error
                return
