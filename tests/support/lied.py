"""Runs against a server that lies, and what must hold of every one of them."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from runner.cli.parser import build_parser
from runner.cli.submit import run_spec_of
from runner.console import json_text
from runner.errors import EXIT_OK, RunnerError
from runner.events.reporter import JsonReporter
from runner.execution.session import Session
from runner.local_server.choice import resolve_server
from runner.server.availability import Limits
from tests.support.answers import Lies
from tests.support.hostile import HostileComfy, Said
from tests.support.runs import Desk, copying, flat
from tests.support.spaces import count_code
from tests.support.speed import within

CONTRACT = {0, 2, 3, 4, 5, 6, 7, 130}
"""130: a server may say that it knows nothing of a job any more: somebody took it out of the queue."""
LIMITS = Limits(patience=0.1, silence=0.02, chatter=0.3, deaf=0.01, absent=0.02, cancel=0.1)

in_parts = pytest.mark.parametrize("part", range(4))
"""A case waits more than it works: `-n 4 --dist load` runs the parts side by side."""


def desk_for(liar: HostileComfy, folder: Path) -> Desk:
    """A desk with a photo, a workflow without one (`flat`) and one with it (`with_photo`)."""
    made = Desk(folder, liar.url)
    made.photo()
    made.workflow(flat(0xFF0000), "flat")
    made.workflow(copying(), "with_photo")
    return made


def submitted(desk: Desk, *words: str, previews: bool = False) -> tuple[int, str]:
    """What `submit` does, with less patience: (the exit code, what it said)."""
    words = ("submit", *words, "--server", desk.url, "--out", str(desk.out), "--json")
    args = build_parser(words).parse_args(words)
    said: list[str] = []
    with JsonReporter(out=_Lines(said), err=_Lines(said)) as reporter:  # type: ignore[arg-type]  # it only writes
        try:
            request = run_spec_of(args)
            url = resolve_server(args.server, say=reporter.notice)
            with Session(
                url,
                args.out,
                reporter,
                workflow="flat",
                limits=LIMITS,
                deadline=time.monotonic() + 20,
                previews=previews,
            ) as session:
                results = session.run(request.plan(session).jobs())
        except RunnerError as error:
            return error.exit_code, json_text(str(error))
    errors = [result.error for result in results if result.error is not None]
    return (errors[0].exit_code if errors else EXIT_OK), "".join(said)


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, text: str) -> None:
        text.encode("utf-8")
        self._lines.append(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def told(server: HostileComfy, lies: Lies, status: int, messages: list[Any]) -> None:
    server.forget()
    server.messages = messages
    for key, lie in lies:
        server.lies[key] = (
            lie
            if isinstance(lie, Said)
            else lambda lie=lie: Said(lie.replace(b"$ID", server.prompt_id.encode()), status)
        )


def check_any_answer(liar: HostileComfy, desk: Desk, lies: Lies, status: int, messages: list[Any], photo: bool) -> int:
    """The exit code of one run, after what must hold of every run."""
    told(liar, lies, status, messages)
    return check_run(desk, photo)


def check_run(desk: Desk, photo: bool) -> int:
    shutil.rmtree(desk.out, ignore_errors=True)
    with_photo = (str(desk.folder / "with_photo.json"), "--image", str(desk.folder / "photo.png"))
    began = time.monotonic()
    words = with_photo if photo else (str(desk.folder / "flat.json"),)
    code, said = submitted(desk, *words, previews=photo)
    count_code(code)
    assert code in CONTRACT, (code, said)
    assert within(60, began)
    assert "\x1b" not in said
    left = [path for path in desk.out.rglob("*") if path.is_file()] if desk.out.exists() else []
    assert not [path for path in left if path.suffix == ".part"]
    for line in said.splitlines() if code == EXIT_OK else ():
        for name in json.loads(line).get("files", []) if line.startswith("{") else ():
            assert Path(name) in left
    for path in left:
        if path.suffix == ".json":
            record = json.loads(path.read_bytes())
            assert all((path.parent / file["file"]).is_file() for file in record["files"])
    return code
