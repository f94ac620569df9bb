"""A conversation: a few pictures to a scratch folder, each shown; then the prompt is kept or changed, and so on."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from runner import console, events
from runner.errors import EXIT_OK
from runner.events.reporter import Reporter
from runner.execution.plan import Plan
from runner.explore.rounds import Rounds
from runner.explore.viewer import Viewer
from runner.gallery.folder import prompt_folder
from runner.untrusted import whole_number

SCRATCH = "scratch"
_HELP = "Enter: the same prompt again · +words: add to it · any other text: a new prompt · /keep 1 3 · /quit"


class ShowingReporter(Reporter):
    """Shows each picture the moment it is saved; between rounds the live display is taken down, so one can type."""

    def __init__(self, make: Callable[[], Reporter]) -> None:
        super().__init__()
        self._make = make
        self._shown: Reporter | None = None
        self.on_picture: Callable[[Path], None] = lambda _: None

    def __enter__(self) -> ShowingReporter:
        return self

    def event(self, event: events.Event) -> None:
        if self._shown is None:
            self._shown = self._make()
        self._shown.event(event)
        if isinstance(event, events.Output):
            self.on_picture(Path(event.path))

    def notice(self, text: str) -> None:
        if self._shown is None:
            super().notice(text)
        else:
            self._shown.notice(text)

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()
            self._shown = None


class Conversation:
    """`make_plan`: a prompt → the plan that paints it into the scratch folder."""

    def __init__(
        self,
        rounds: Rounds,
        reporter: ShowingReporter,
        viewer: Viewer,
        out: Path,
        make_plan: Callable[[str], Plan],
        lines: TextIO | None = None,
    ) -> None:
        self._rounds, self._reporter, self._out, self._make_plan = rounds, reporter, out, make_plan
        self._lines: TextIO | None = lines or sys.stdin  # None: it was closed before the program began
        self._pictures: list[Path] = []

        def seen(path: Path) -> None:
            self._pictures.append(path)
            viewer.show(path)

        reporter.on_picture = seen

    def run(self, prompt: str) -> int:
        """Until the user has had enough (/quit, or the end of the input); returns the exit code."""
        code, skip = EXIT_OK, 0
        plan = self._make_plan(prompt)
        while True:
            self._pictures = []
            results = self._rounds.run(plan, skip)
            errors = [result.error for result in results if result.error is not None]
            code = errors[0].exit_code if errors else EXIT_OK
            skip += self._rounds.number
            self._reporter.close()
            wanted = self._ask(prompt)
            if wanted is None:
                return code
            if wanted != prompt:
                prompt, plan, skip = wanted, self._make_plan(wanted), 0

    def _ask(self, prompt: str) -> str | None:
        """The prompt to go on with; None: enough."""
        say = self._reporter.notice
        say(f"Prompt: {prompt}\n{_HELP}")
        while True:
            console.ask("> ")
            line = self._lines.readline() if self._lines is not None else ""
            answer = line.strip()
            if not line or answer.casefold() in ("/quit", "/q", "/exit"):
                return None
            if answer.casefold().startswith("/keep"):
                self._keep(prompt, answer.split()[1:])
            elif answer.startswith("/"):
                say(_HELP)
            elif answer.startswith("+"):
                words = answer.lstrip("+").strip(" ,")
                return f"{prompt}, {words}" if words else prompt
            else:
                return answer or prompt

    def _keep(self, prompt: str, numbers: list[str]) -> None:
        """Copy pictures of this round from the scratch folder to the prompt's own."""
        for asked in numbers or map(str, range(1, len(self._pictures) + 1)):
            number = whole_number(asked) or 0
            if not 1 <= number <= len(self._pictures):
                self._reporter.notice(f"There is no picture {asked[:20]}; this round has {len(self._pictures)}.")
                continue
            picture = self._pictures[number - 1]
            try:
                folder = prompt_folder(self._out, prompt)
                for file in (picture, picture.with_name(picture.name.removesuffix(picture.suffix) + ".json")):
                    if file.is_file() and not (folder / file.name).exists():
                        shutil.copy2(file, folder / file.name)
            except OSError as error:
                self._reporter.notice(f"{picture.name} could not be kept: {error.strerror or error}.")
                continue
            self._reporter.notice(f"Kept: {folder / picture.name}")
