"""From a job in the ledger to one that can be sent: its photos decoded and uploaded, its graph filled in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from runner.batch.changed import INPUTS, Seen
from runner.batch.entries import Entry
from runner.canvas.drawing import Drawing
from runner.errors import PhotoError, RunnerError, ServerUnavailableError
from runner.execution.attachments import Attachment, attachment
from runner.execution.build import Pictures, build_job
from runner.execution.job import JobSpec, Upload
from runner.http.transport import NoAccessError
from runner.photos.prepare import PreparedPhoto
from runner.photos.transparency import LAID_ON_WHITE
from runner.server.client import ComfyClient
from runner.server.view import ServerView, server_view
from runner.validation.standing_in import NAME
from runner.workflow.graph import Workflow

Result = TypeVar("Result")
_PHOTOS_KEPT = 8
"""Uploads that are remembered: rows of one photo stand together in a batch."""


class Maker:
    """Makes jobs ready for one server. `stopped` ends its waiting for a server that is away."""

    def __init__(
        self,
        workflow: Workflow,
        client: ComfyClient,
        patience: float,
        stopped: threading.Event,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._workflow, self._client, self._patience, self._stopped = workflow, client, patience, stopped
        self._uploaded: dict[Attachment, tuple[str, PreparedPhoto, Seen | None]] = {}
        self._view: ServerView | None = None
        self._drawing: Drawing | None = None
        self._notice = notice
        self._said: set[str] = set()
        """What is true of every photo like this one: told once, each photo's record says it too."""

    def view(self) -> ServerView:
        """What the server says of the workflow's nodes; asked once."""
        if self._view is None:
            self._view = self._patiently(lambda: server_view(self._client, self._workflow.graph))
            self._drawing = Drawing.of(self._workflow, self._view.object_info)
        return self._view

    def spec(self, entry: Entry) -> JobSpec:
        """The job, ready to be sent.

        Raises ServerUnavailableError where the server went away and did not come back. Raises RunnerError where this
        job cannot be made; others can.
        """
        job, view = entry.job, self.view()
        try:
            photos: dict[Path, PreparedPhoto] = {}
            images: list[Path] = []
            uploads: dict[str, tuple[Path, PreparedPhoto]] = {}
            sent: list[Upload] = []
            noted: dict[str, dict[str, Any]] = {}
            values = dict(job.values)
            slots = {spec.name for spec in self._workflow.image_inputs(view.object_info)}
            for name, file in job.images.items():
                path = Path(file)
                source = attachment(self._workflow, name, path, view.object_info)
                if source is None:  # the server knows better than the guess: its own business
                    values[name] = file
                    continue
                values[name], photo, seen = self._photo(source)
                if seen is not None:
                    noted[name] = seen.noted(photo.file_sha256)
                sent.append(Upload(source, str(values[name])))
                if name in slots:
                    photos[path] = photo
                    images.append(path)
                else:
                    uploads[name] = path, photo
            if sent:
                values |= self._answers(values, sent[0].source)
            pictures = Pictures(tuple(images), (), photos, uploads, tuple(sent))
            spec = build_job(self._workflow, values, pictures, view, seed=job.seed, drawing=self._drawing)
        except RunnerError:
            raise
        except Exception as error:  # one photo that Pillow cannot cope with is no reason to end the night's work
            raise RunnerError(f"{entry.title}: an unexpected fault: {type(error).__name__}: {error}") from error
        group = {key: value for key, value in (("group", job.group), ("category", job.category)) if value}
        batch = {"job": entry.id, "key": entry.key, "input": entry.title, **group, INPUTS: noted}
        record = {**spec.record, "batch": batch}
        stem = job.stem.with_name(f"{job.stem.name}_{NAME}") if spec.record.get("smoke_weights") else job.stem
        return replace(spec, index=entry.id, stem=stem, record=record)

    def _answers(self, values: Mapping[str, Any], source: Attachment) -> dict[str, str]:
        """What the language model of the environment says of this photo for inputs that have a question of their own
        (not `persona`: a series shows many people, by the rules)."""
        from runner.execution.persona import INPUT, asked_inputs, endpoint_from, persona_answer

        names = [name for name in asked_inputs(self._workflow) if name != INPUT and not values.get(name)]
        if not names or endpoint_from() is None:
            return {}
        photo = source.prepare()
        answers = {name: persona_answer(self._workflow, photo, self._notice, name=name) for name in names}
        return {name: answer for name, answer in answers.items() if answer is not None}

    def _photo(self, source: Attachment) -> tuple[str, PreparedPhoto, Seen | None]:
        """(the server's name for it, what it is, its file when it was read); uploaded once for jobs that follow each
        other."""
        before = self._uploaded.get(source)
        if before is not None:
            return before
        seen = Seen.of(source.path)  # before it is read: what is put there meanwhile is another
        photo = source.prepare()
        for text in photo.told:
            if text not in self._said:
                self._notice(f"{source.path.name}: {text}")
        self._said |= {LAID_ON_WHITE} & set(photo.told)

        def upload() -> str:
            limit, sent = self._client.largest_upload(), photo
            if limit is not None and len(photo.data) > limit:
                sent = source.prepare(limit)
            return self._client.upload_image(sent.data, sent.upload_name)

        name = self._patiently(upload)
        while len(self._uploaded) >= _PHOTOS_KEPT:
            self._uploaded.pop(next(iter(self._uploaded)))
        self._uploaded[source] = name, replace(photo, data=b""), seen
        return self._uploaded[source]

    def _patiently(self, request: Callable[[], Result]) -> Result:
        """Ask again while the server is away, for as long as the run waits for it."""
        end = time.monotonic() + self._patience
        while True:
            try:
                return request()
            except (PhotoError, NoAccessError):
                raise
            except ServerUnavailableError:
                if time.monotonic() > end or self._stopped.wait(0.5):
                    raise
