"""What a display says in lines, the same above live bars and in plain lines."""

from __future__ import annotations

from runner.events import Event


class Lines:
    """The line of each event, of `jobs` jobs (None: nobody knows how many). What is renewed is said once."""

    def __init__(self, jobs: int | None) -> None:
        self._jobs = jobs
        self._told: set[str] = set()

    def line(self, event: Event) -> str:
        """What to say now, beginning with the job it is about; "" for nothing."""
        text = event.describe()
        if event.is_renewed:
            if text in self._told:
                return ""
            self._told.add(text)
        return f"{self.label(event.job)}{text}" if text else ""

    def label(self, job: int) -> str:
        """`2/8 ` where there is more than one job to tell apart."""
        if self._jobs == 1 or job == 0:
            return ""
        return f"{job}/{self._jobs} " if self._jobs else f"#{job} "
