"""Several places on one ledger: what one of them loses, the others make."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from runner.batch.ledger import Ledger
from runner.batch.place import Place
from runner.errors import InterruptedRunError, JobTimeoutError, ServerUnavailableError

SEVERAL_PATIENCE_S = 15.0
"""How long one of several places may be gone before its jobs go to the others."""
LOOK_AGAIN_S = 5.0


def run_all(places: Sequence[Place], ledger: Ledger, notice: Callable[[str], None]) -> None:
    """Every place works until nothing is left; one that goes away hands its jobs to the others and may come back.

    Raises:
        ServerUnavailableError: all that could have done what is left went away.
        JobTimeoutError: out of time.
    """
    for place in places:
        ledger.opens(place.url)
    if len(places) == 1:
        places[0].run()
        return
    team = _Team(places, ledger, notice)
    team.start()
    try:
        team.wait()
    except BaseException:
        team.stop()
        raise


class _Team:
    def __init__(self, places: Sequence[Place], ledger: Ledger, notice: Callable[[str], None]) -> None:
        self._places, self._ledger, self._notice = places, ledger, notice
        self._errors: dict[str, BaseException] = {}
        self._working = {place.url for place in places}
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(place,), daemon=True) for place in places]

    def start(self) -> None:
        for place in self._places:
            place.patience = SEVERAL_PATIENCE_S
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
        for place in self._places:
            place.ask_to_stop()
        for thread in self._threads:
            thread.join(2.0)

    def _work(self, place: Place) -> None:
        try:
            while not self._ending.is_set():
                try:
                    place.run()
                    self._errors.pop(place.url, None)
                    return
                except ServerUnavailableError as error:
                    first = place.url not in self._errors
                    self._errors[place.url] = error
                    self._working.discard(place.url)
                    if not self._working or not self._ledger.unfinished():
                        return
                    if first:
                        self._notice(f"{place.label} is gone: its jobs go to the others. It is looked for every 5 s.")
                    self._ending.wait(LOOK_AGAIN_S)
                    self._working.add(place.url)
        except InterruptedRunError:
            return
        except BaseException as error:
            self._errors[place.url] = error
        finally:
            self._working.discard(place.url)


def _weight(error: BaseException) -> int:
    """A fault of ours is told before the end of the time, and that before a server that was gone."""
    return 2 if isinstance(error, ServerUnavailableError) else 1 if isinstance(error, JobTimeoutError) else 0
