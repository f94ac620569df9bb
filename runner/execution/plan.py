"""What one `submit` asks for: the workflow, the values, the photos and the seeds, checked before anything is queued."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import UsageError, WorkflowError, WorkflowRejectedError
from runner.execution.attachments import Attachment, attachment, attachments, check_files
from runner.execution.job import JobSpec, Upload
from runner.execution.known_place import INPUT, known_place
from runner.execution.session import Session
from runner.files import naming
from runner.files.writable import check_folder
from runner.http.auth import has_credentials
from runner.photos.prepare import PreparedPhoto
from runner.server.client import ComfyClient
from runner.server.view import ServerView, server_view
from runner.validation.check import check_graph
from runner.validation.drift import with_drift
from runner.validation.pictures import check_pictures
from runner.validation.problem import MOST_SHOWN, listed
from runner.workflow.canvas_text import expand_texts
from runner.workflow.graph import Workflow, is_link
from runner.workflow.load import WORKFLOWS_DIR, load_workflow, parse_setting, patch_workflow
from runner.workflow.patch import resolve_name
from runner.workflow.schema import recorded_object_info

_SEED_WIDGETS = ("seed", "noise_seed")


@dataclass(frozen=True)
class Plan:
    """A request that its server can run: the pictures are there, the values fit."""

    request: Request
    values: Mapping[str, Any]
    names: list[str]
    seed_name: str | None
    seed: int | None
    view: ServerView
    uploads: tuple[Upload, ...] = ()

    def jobs(self, first: int = 1, count: int | None = None, number: int | None = None) -> Iterator[JobSpec]:
        """Jobs `first`, `first` + 1, …, the seed counting up. `number` is their {index} (default: each its own)."""
        workflow = self.request.workflow
        photo = next(iter([*self.request.images, *(path for path, _ in self.request.uploads.values())]), None)
        outputs = {output.node_id: output.name for output in workflow.outputs()}
        values = {**self._known(), **self.values}
        for index in range(first, first + (self.request.count if count is None else count)):
            seed = None if self.seed is None else self.seed + index - 1
            given = {**values, **({self.seed_name: seed} if self.seed_name and seed is not None else {})}
            graph = patch_workflow(workflow, given, self.names, self.view.object_info)
            expand_texts(graph, self.view.object_info, seed)
            placeholders = {
                "date": naming.timestamp(time.time()),
                "workflow": workflow.name,
                "seed": seed or 0,
                "index": index if number is None else number,
                "image": workflow.name if photo is None else photo.stem,
            }
            stem = naming.expand(self.request.template, placeholders)
            record = self._record(graph, given)
            yield JobSpec(index, workflow.label, graph, outputs, stem, seed, record, self.uploads)

    def seed_nodes(self) -> set[str]:
        """The nodes that hold the seed."""
        if self.seed_name is None:
            return set()
        targets = resolve_name(self.request.workflow, self.seed_name, self.view.object_info)
        return {target.node_id for target in targets}

    def _known(self) -> dict[str, str]:
        """Where the product is in the first picture, if that was made here from one of the others."""
        request, object_info = self.request, self.view.object_info
        if request.workflow.input(INPUT, object_info) is None:
            return {}
        graph = patch_workflow(request.workflow, self.values, self.names, object_info)
        slots = [spec.targets[0] for spec in request.workflow.image_inputs(object_info)]
        sent = {upload.name: upload.source.path for upload in self.uploads}
        pictures = [sent.get(str(graph[slot.node_id]["inputs"].get(slot.widget))) for slot in slots]
        prepared = {**request.photos, **dict(request.uploads.values())}
        return known_place(
            request.workflow, self.values, pictures, {p: one.sha256 for p, one in prepared.items()}, object_info
        )

    def _record(self, graph: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        inputs = {}
        for spec in self.request.workflow.inputs(self.view.object_info):
            found = [graph[target.node_id]["inputs"].get(target.widget) for target in spec.targets]
            # Where a switch chooses between nodes of one name, what was not set is said by the graph alone.
            if not is_link(found[0]) and all(value == found[0] for value in found):
                inputs[spec.name] = found[0]
        request = self.request
        record = {
            "version": request.workflow.version,
            "inputs": {**given, **inputs},
            "images": [_facts(path, request.photos[path]) for path in request.images],
        }
        if request.uploads:
            record["uploads"] = [{"input": name, **_facts(*upload)} for name, upload in request.uploads.items()]
        return record


@dataclass
class Request:
    """A checked command line."""

    workflow: Workflow
    values: dict[str, Any]
    photos: dict[Path, PreparedPhoto]
    images: list[Path]
    count: int
    template: str
    seed: int | None
    settings: list[str] = field(default_factory=list)
    best_of: int | None = None
    """Candidates a result; None: nothing is judged."""
    uploads: dict[str, tuple[Path, PreparedPhoto]] = field(default_factory=dict)
    """The files of the user's own that go to inputs by their names."""

    def plan(self, session: Session) -> Plan:
        """Check the workflow against the server and upload the photos.

        Raises:
            WorkflowError: a value does not fit, once the server has said what fits.
            WorkflowRejectedError: with every problem at once.
        """
        client = session.client
        for note in self.workflow.notes:
            session.notice(note)
        view = server_view(client, self.workflow.graph)
        values = {**self.values, **settings(self.workflow, self.settings, view.object_info)}
        seed_name, seed = self.first_seed(values, view.object_info)
        attached = attachments(self.workflow, values, view.object_info)
        self.uploads = {name: (one.path, one.prepare()) for name, one in attached.items()}
        asked = {name: value for name, value in values.items() if name not in attached}
        values |= {name: photo.upload_name for name, (_, photo) in self.uploads.items()}
        names = [self.photos[path].upload_name for path in self.images]
        first = {**values, **({seed_name: seed} if seed_name and seed is not None else {})}
        graph = patch_workflow(self.workflow, first, names, view.object_info)
        check_files(self.workflow, asked, graph, view)
        self._check(session, graph, [*names, *(photo.upload_name for _, photo in self.uploads.values())], view)
        values |= self._persona(session, values)
        uploaded = self._upload(client)
        names = [uploaded[path] for path in self.images]
        values |= {name: _sent(client, photo, attached[name]) for name, (_, photo) in self.uploads.items()}
        if self.count > 1 and seed_name is None:
            session.notice(f"{self.workflow.label} has no seed: the {self.count} results will be the same.")
        sources = _sources(self.workflow, self.images)
        uploads = [Upload(sources[path], name) for path, name in uploaded.items()]
        uploads += [Upload(source, str(values[name])) for name, source in attached.items()]
        return Plan(self, values, names, seed_name, seed, view, tuple(uploads))

    def _persona(self, session: Session, values: Mapping[str, Any]) -> dict[str, str]:
        """What the language model of the environment, if there is one, says for the workflow's input `persona`."""
        from runner.execution.persona import INPUT, WISH, persona_answer

        if not self.images or values.get(INPUT) or self.workflow.input(INPUT) is None:
            return {}
        photo = self.photos[self.images[0]]
        answer = persona_answer(self.workflow, photo, session.notice, wish=str(values.get(WISH, "")))
        return {} if answer is None else {INPUT: answer}

    def first_seed(self, values: Mapping[str, Any], object_info: Mapping[str, Any]) -> tuple[str | None, int | None]:
        """The name of the input that holds the seed (an input `seed`, or the only seed widget), and the first seed.

        Raises:
            WorkflowError: there is none, and a seed was asked for.
        """
        spec = self.workflow.input("seed", object_info)
        if spec is not None:
            default = spec.default if isinstance(spec.default, int) else 0
            return self._seed_setting(values, spec.name, default, object_info)
        found = [
            (f"{node_id}.{widget}", node["inputs"][widget])
            for node_id, node in self.workflow.graph.items()
            for widget in _SEED_WIDGETS
            if isinstance(node["inputs"].get(widget), int)
        ]
        if len(found) == 1:
            return self._seed_setting(values, *found[0], object_info)
        if self.best_of is not None:
            raise WorkflowError(
                f"--best-of needs a seed to vary, and {self.workflow.label} has no input `seed`"
                + (" and several nodes with one." if found else "."),
                advice="Title the node that holds it “input: seed” (on the canvas: right click → Title), and export "
                "the workflow again.",
            )
        if self.seed is not None:
            raise WorkflowError(
                f"{self.workflow.label} has no input `seed`" + (" and several nodes with one." if found else "."),
                advice=f"Set one with --set {found[0][0]}={self.seed}." if found else "Leave out --seed.",
            )
        return None, None

    def _seed_setting(
        self, values: Mapping[str, Any], name: str, default: int, object_info: Mapping[str, Any]
    ) -> tuple[str, int]:
        """The seed's name as the user wrote it, and the number to count up from: --seed, --set, or the file's own."""
        targets = resolve_name(self.workflow, name, object_info)
        for given, value in values.items():
            with contextlib.suppress(WorkflowError, ValueError):  # what is wrong with it is said where it is set
                if resolve_name(self.workflow, given, object_info) == targets:
                    if self.seed is not None:
                        raise UsageError(f"--seed and --set {given} set the same input; give one of them.")
                    return given, int(value)
        return name, default if self.seed is None else self.seed

    def _check(self, session: Session, graph: dict[str, Any], names: list[str], view: ServerView) -> None:
        problems = check_graph(graph, view.object_info, uploaded=names, replaced=view.replaced)
        problems = with_drift(graph, problems, view.object_info, recorded_object_info(WORKFLOWS_DIR))
        errors = [problem for problem in problems if problem.is_fatal]
        warnings = [problem for problem in problems if not problem.is_fatal]
        for problem in warnings[:MOST_SHOWN]:
            session.notice(f"warning: {problem}")
        if errors:
            raise WorkflowRejectedError(
                "\n".join(
                    [
                        f"{self.workflow.label} cannot run on {session.client.url}:",
                        *listed([str(problem) for problem in errors]),
                    ]
                )
            )

    def _upload(self, client: ComfyClient) -> dict[Path, str]:
        sources = _sources(self.workflow, self.images)
        return {path: _sent(client, photo, sources[path]) for path, photo in self.photos.items()}


def _sent(client: ComfyClient, photo: PreparedPhoto, source: Attachment) -> str:
    """The name the server gave it; a converted picture over the server's limit is packed harder."""
    limit = client.upload_limit()
    if limit is not None and len(photo.data) > limit:
        photo = source.prepare(limit)
    return client.upload_image(photo.data, photo.upload_name)


def _facts(path: Path, photo: PreparedPhoto) -> dict[str, Any]:
    size = {"width": photo.width, "height": photo.height} if photo.width else {}
    return {"file": path.name, "sha256": photo.sha256, **size, "notes": list(photo.notes)}


def prepare_request(args: argparse.Namespace) -> Request:
    """Everything that can be checked without a server: the file, the values, the photos, the folder.

    Raises:
        UsageError, WorkflowError, PhotoError: with what is wrong and what to do.
    """
    for url in args.server:
        if has_credentials(url):
            raise UsageError(
                "--server holds a password, which other users of this machine can read.",
                advice="Put it into $COMFYUI_BASIC_AUTH (user:password) or $COMFYUI_TOKEN and leave it out of the URL.",
            )
    workflow = load_workflow(args.workflow)
    template = args.name if args.name is not None else naming.DEFAULT_TEMPLATE
    naming.check_template(template)
    check_folder(args.out)
    images = [Path(image) for image in args.image]
    request = Request(
        workflow=workflow,
        values={} if args.prompt is None else {"prompt": args.prompt},
        photos={},
        images=images,
        count=args.count,
        template=template,
        seed=args.seed,
        settings=list(args.set),
        best_of=getattr(args, "best_of", None),
    )
    _check_values_early(request)
    if request.best_of is not None:
        request.first_seed({}, recorded_object_info(WORKFLOWS_DIR))
    request.photos = {path: source.prepare() for path, source in _sources(workflow, images).items()}
    return request


def _sources(workflow: Workflow, images: Sequence[Path]) -> dict[Path, Attachment]:
    """How each picture of `--image` is made ready: as a photo, or as a mask where it goes to nothing but one."""
    schema = recorded_object_info(WORKFLOWS_DIR)
    slots = [attachment(workflow, spec.name, Path(), schema) for spec in workflow.image_inputs(schema)]
    masks = {
        path: all(slot is not None and slot.is_mask for p, slot in zip(images, slots, strict=False) if p == path)
        for path in images[: len(slots)]
    }
    return {path: Attachment(path, is_picture=True, is_mask=masks.get(path, False)) for path in images}


def settings(workflow: Workflow, texts: list[str], object_info: Mapping[str, Any]) -> dict[str, Any]:
    """`--set` as name → text; the same name twice is a mistake, not a preference."""
    found: dict[str, Any] = {}
    for text in texts:
        name, value = parse_setting(workflow, text, object_info)
        if name in found:
            raise WorkflowError(f"--set {name} was given twice.")
        found[name] = value
    return found


def _check_values_early(request: Request) -> None:
    """Refuse wrong names and values before a server is looked for, as far as the file alone can tell.

    A widget that is not in the file may still exist on the server, so a name with a dot is left for later.
    """
    schema = recorded_object_info(WORKFLOWS_DIR)
    known = schema if all(node["class_type"] in schema for node in request.workflow.graph.values()) else None
    placeholders = [f"{number}.png" for number, _ in enumerate(request.images)]
    given = dict(request.values)
    try:
        given |= settings(request.workflow, request.settings, known or {})
        patch_workflow(request.workflow, given, placeholders, known)
    except WorkflowError:
        if known is not None or not any("." in text.partition("=")[0] for text in request.settings):
            raise
    check_pictures(request.workflow, given, len(request.images), known)
    for attached in attachments(request.workflow, given, schema).values():
        attached.prepare()
