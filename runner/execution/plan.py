"""What one `submit` asks for: the workflow, the values, the photos and the seeds, checked before anything is queued."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.canvas.drawing import Drawing
from runner.errors import WorkflowError, WorkflowRejectedError
from runner.execution.attachments import Attachment, attachment, attachments, check_files
from runner.execution.build import Pictures, build_job, stood_in_for
from runner.execution.job import JobSpec, Upload
from runner.execution.seeds import SeedError, first_seed
from runner.execution.session import Session
from runner.files import naming
from runner.files.writable import check_folder
from runner.photos.prepare import PreparedPhoto
from runner.server.client import ComfyClient
from runner.server.view import ServerView, server_view
from runner.validation.check import check_graph
from runner.validation.drift import with_drift
from runner.validation.missing import told_at_once
from runner.validation.pictures import check_pictures
from runner.validation.problem import MOST_SHOWN, listed
from runner.validation.standing_in import trial_advice
from runner.workflow.channels import for_channels, without_channel
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR, load_workflow, parse_assignment, patch_workflow
from runner.workflow.patch import resolve_name
from runner.workflow.schema import recorded_object_info, that_knows_all


@dataclass(frozen=True)
class Plan:
    """What a server can run: the pictures are there, the values fit; jobs of one workflow, seed by seed."""

    workflow: Workflow
    values: Mapping[str, Any]
    pictures: Pictures
    view: ServerView
    seed_name: str | None = None
    seed: int | None = None
    count: int = 1
    template: str | None = None
    """How results are called; None: by what tells them apart."""
    best_of: int | None = None
    """Candidates a result; None: nothing is judged."""
    drawing: Drawing | None = None
    """Of the workflow, for the canvas."""

    def jobs(self, first: int = 1, count: int | None = None, number: int | None = None) -> Iterator[JobSpec]:
        """Jobs `first`, `first` + 1, …, the seed counting up. `number` is their {index} (default: each its own)."""
        for index in range(first, first + (self.count if count is None else count)):
            seed = None if self.seed is None else self.seed + index - 1
            values = {**self.values, **({self.seed_name: seed} if self.seed_name and seed is not None else {})}
            yield build_job(
                self.workflow,
                values,
                self.pictures,
                self.view,
                seed=seed,
                template=self.template,
                index=index,
                number=number,
                drawing=self.drawing,
            )

    def seed_nodes(self) -> set[str]:
        """The nodes that hold the seed."""
        if self.seed_name is None:
            return set()
        targets = resolve_name(self.workflow, self.seed_name, self.view.object_info)
        return {target.node_id for target in targets}


@dataclass
class RunSpec:
    """What is asked for, checked as far as that goes without a server."""

    workflow: Workflow
    values: dict[str, Any]
    photos: dict[Path, PreparedPhoto]
    images: list[Path]
    count: int
    template: str | None
    seed: int | None
    assignments: list[str] = field(default_factory=list)
    best_of: int | None = None

    def plan(self, session: Session) -> Plan:
        """Check the workflow against the server and upload the photos.

        Raises WorkflowError where a value does not fit, once the server has said what fits. Raises
        WorkflowRejectedError with every problem at once.
        """
        client = session.client
        for note in self.workflow.notes:
            session.notice(note)
        for path in self.images:
            _tell(session, path, self.photos[path])
        view = server_view(client, self.workflow.graph)
        values = {**self.values, **read_assignments(self.workflow, self.assignments, view.object_info)}
        seed_name, seed = first_seed(
            self.workflow, values, view.object_info, self.seed, varied=self.best_of is not None
        )
        attached = attachments(self.workflow, values, view.object_info)
        prepared = {name: (one.path, one.prepare()) for name, one in attached.items()}
        for path, photo in prepared.values():
            _tell(session, path, photo)
        asked = {name: value for name, value in values.items() if name not in attached}
        values |= {name: photo.upload_name for name, (_, photo) in prepared.items()}
        names = [self.photos[path].upload_name for path in self.images]
        first = {**values, **({seed_name: seed} if seed_name and seed is not None else {})}
        graph = patch_workflow(self.workflow, first, names, view.object_info)
        check_files(self.workflow, asked, graph, view)
        self._check(session, graph, [*names, *(photo.upload_name for _, photo in prepared.values())], view)
        values |= self._persona(session, values)
        uploaded = self._upload(client)
        names = [uploaded[path] for path in self.images]
        values |= {name: _sent(client, photo, attached[name]) for name, (_, photo) in prepared.items()}
        if self.count > 1 and seed_name is None:
            session.notice(f"{self.workflow.label} has no seed: the {self.count} results will be the same.")
        sources = _sources(self.workflow, self.images)
        uploads = [Upload(sources[path], name) for path, name in uploaded.items()]
        uploads += [Upload(source, str(values[name])) for name, source in attached.items()]
        pictures = Pictures(tuple(self.images), tuple(names), self.photos, prepared, tuple(uploads))
        return Plan(
            self.workflow,
            values,
            pictures,
            view,
            seed_name,
            seed,
            self.count,
            self.template,
            self.best_of,
            Drawing.of(self.workflow, view.object_info),
        )

    def _persona(self, session: Session, values: Mapping[str, Any]) -> dict[str, str]:
        """What the language model of the environment, if there is one, says for inputs of the workflow."""
        from runner.execution.persona import WISH, asked_inputs, persona_answer

        answers = {}
        for name in asked_inputs(self.workflow) if self.images else ():
            if not values.get(name):
                photo, wish = self.photos[self.images[0]], str(values.get(WISH, ""))
                answers[name] = persona_answer(self.workflow, photo, session.notice, wish=wish, name=name)
        return {name: answer for name, answer in answers.items() if answer is not None}

    def _check(self, session: Session, graph: dict[str, Any], names: list[str], view: ServerView) -> None:
        names_of = stood_in_for(self.workflow, graph, view)
        if names_of:
            session.notice(f"Made-up weights stand in for {', '.join(names_of)}: what is painted is noise.")
        problems = check_graph(graph, view.object_info, uploaded=names, replaced=view.replaced)
        problems = with_drift(graph, problems, view.object_info, recorded_object_info(WORKFLOWS_DIR))
        errors = [problem for problem in problems if problem.is_fatal]
        warnings = [problem for problem in problems if not problem.is_fatal]
        for problem in warnings[:MOST_SHOWN]:
            session.notice(f"warning: {problem.told}")
        if errors:
            raise WorkflowRejectedError(
                "\n".join(
                    [
                        f"{self.workflow.label} cannot run on {session.client.url}:",
                        *listed(told_at_once(errors, self.workflow)),
                    ]
                ),
                advice=trial_advice(errors, smoke=self.workflow.smoke),
            )

    def _upload(self, client: ComfyClient) -> dict[Path, str]:
        sources = _sources(self.workflow, self.images)
        return {path: _sent(client, photo, sources[path]) for path, photo in self.photos.items()}


def _tell(session: Session, path: Path, photo: PreparedPhoto) -> None:
    for text in photo.told:
        session.notice(f"{path.name}: {text}")


def _sent(client: ComfyClient, photo: PreparedPhoto, source: Attachment) -> str:
    """The name the server gave it; a converted picture over the server's limit is packed harder."""
    limit = client.largest_upload()
    if limit is not None and len(photo.data) > limit:
        photo = source.prepare(limit)
    return client.upload_image(photo.data, photo.upload_name)


def prepare_run(
    workflow: str,
    out: Path,
    *,
    images: Sequence[Path] = (),
    values: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
    seed: int | None = None,
    count: int = 1,
    template: str | None = None,
    best_of: int | None = None,
    smoke: bool = False,
    channels: Sequence[str] = (),
) -> RunSpec:
    """Everything that can be checked without a server: the file, the values, the photos, the folder.

    Args:
        workflow: a published one's name, or a file.
        values: inputs by name.
        assignments: `NAME=VALUE` as text, as `--set` takes it; what a value means depends on the input.
        smoke: smoke models stand in for models that are missing.
        channels: shops whose pictures are all made by each job.

    Raises UsageError, WorkflowError, PhotoError with what is wrong and what to do.
    """
    loaded = replace(load_workflow(workflow), smoke=smoke)
    if template is not None:
        naming.check_template(template)
    if channels:
        loaded = for_channels(loaded, channels, recorded_object_info(WORKFLOWS_DIR))
        template = without_channel(template)
    check_folder(out)
    run_spec = RunSpec(loaded, dict(values or {}), {}, list(images), count, template, seed, list(assignments), best_of)
    _check_values_early(run_spec)
    if best_of is not None:
        first_seed(loaded, {}, recorded_object_info(WORKFLOWS_DIR), seed, varied=True)
    run_spec.photos = {path: source.prepare() for path, source in _sources(loaded, images).items()}
    return run_spec


def _sources(workflow: Workflow, images: Sequence[Path]) -> dict[Path, Attachment]:
    """How each picture of `--image` is made ready: as a photo; as a mask, or without its transparency, where it goes to
    nothing else."""
    schema = recorded_object_info(WORKFLOWS_DIR)
    slots = [attachment(workflow, spec.name, Path(), schema) for spec in workflow.image_inputs(schema)]
    sources = {}
    for path in images:
        places = [slot for given, slot in zip(images, slots, strict=False) if given == path]
        is_mask = bool(places) and all(slot is not None and slot.is_mask for slot in places)
        opaque = bool(places) and all(slot is not None and slot.opaque for slot in places)
        sources[path] = Attachment(path, is_picture=True, is_mask=is_mask, opaque=opaque)
    return sources


def read_assignments(workflow: Workflow, texts: Sequence[str], object_info: Mapping[str, Any]) -> dict[str, Any]:
    """`--set` as name → text; the same name twice is a mistake, not a preference."""
    values: dict[str, Any] = {}
    for text in texts:
        name, value = parse_assignment(workflow, text, object_info)
        if name in values:
            raise WorkflowError(f"--set {name} was given twice.")
        values[name] = value
    return values


def _check_values_early(run_spec: RunSpec) -> None:
    """Refuse wrong names and values before a server is looked for, as far as the file alone can tell.

    A widget that is not in the file may still exist on the server, so a name with a dot is left for later.
    """
    schema = recorded_object_info(WORKFLOWS_DIR)
    object_info = that_knows_all(schema, run_spec.workflow.graph)
    placeholders = [f"{number}.png" for number, _ in enumerate(run_spec.images)]
    given = dict(run_spec.values)
    try:
        given |= read_assignments(run_spec.workflow, run_spec.assignments, object_info or {})
        patch_workflow(run_spec.workflow, given, placeholders, object_info)
    except WorkflowError:
        if object_info is not None or not any("." in text.partition("=")[0] for text in run_spec.assignments):
            raise
    check_pictures(run_spec.workflow, given, len(run_spec.images), object_info)
    _check_seeds(run_spec, given, placeholders, object_info)
    for attached in attachments(run_spec.workflow, given, schema).values():
        attached.prepare()


def _check_seeds(
    run_spec: RunSpec, given: Mapping[str, Any], placeholders: Sequence[str], object_info: Mapping[str, Any] | None
) -> None:
    """The first seed and the last: what lies between fits where these do. Which input holds it, a server may know
    better."""
    varied = run_spec.best_of is not None
    known = recorded_object_info(WORKFLOWS_DIR) if object_info is None else object_info
    try:
        name, seed = first_seed(run_spec.workflow, given, known, run_spec.seed, varied=varied)
    except WorkflowError as error:
        if object_info is None and not isinstance(error, SeedError):
            return
        raise
    if name is not None and seed is not None and object_info is not None:
        for number in (seed, seed + run_spec.count * (run_spec.best_of or 1) - 1):
            patch_workflow(run_spec.workflow, {**given, name: number}, placeholders, object_info)
