"""What can be made of a photo at the desk, and whether the server at hand can make it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.data import without_lone_surrogates
from runner.errors import UsageError
from runner.execution.attachments import HINT
from runner.invocation import spell
from runner.models.manifest import Manifest, human_size, load_manifest
from runner.server.view import ServerView
from runner.validation.workflow import check_workflow
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR, available_workflows, load_workflow
from runner.workflow.schema import recorded_object_info

SHOP, CUTOUT, SCENE, PERSON = "shop", "cutout", "scene", "person"
_KINDS = {
    SHOP: ("packshot",),
    CUTOUT: ("cutout",),
    SCENE: ("relight_iclight", "scene_klein", "scene_sdxl", "scene_qwen"),
    PERSON: ("grip_klein", "grip_sdxl", "grip_sdxl_fast", "grip_qwen"),
}
"""Kind → the workflows that make it, the one to take first in front."""
_TITLES = {
    "packshot": "Shop picture",
    "cutout": "Cut-out",
    "relight_iclight": "IC-Light",
    "scene_klein": "FLUX.2 klein",
    "scene_sdxl": "SDXL",
    "scene_qwen": "Qwen-Image-Edit",
    "grip_klein": "FLUX.2 klein",
    "grip_sdxl": "SDXL",
    "grip_sdxl_fast": "SDXL, eight steps",
    "grip_qwen": "Qwen-Image-Edit",
}
_SHOPS = {"master": "Any shop", "ebay": "eBay"}
"""Channels whose names are no titles when they begin with a capital."""
MOST_WORDS = 2000
"""Letters of a prompt: many times what a text encoder reads."""
MASK = HINT
"""The input that takes a rough mask."""
WORDS = ("wish", "prompt")
"""Inputs in which people say in their own words what they want."""


@dataclass(frozen=True)
class Option:
    """One workflow. `problem`: why the server cannot run it; "" where it can. `remedy`: a command that helps, or
    says more."""

    workflow: str
    kind: str
    title: str
    words: str
    """The input that takes a person's words; "" where there is none."""
    takes_mask: bool = False
    """Whether a rough mask can say what is product."""
    shops: tuple[tuple[str, str], ...] = ()
    """(channel, what people call it)"""
    problem: str = ""
    remedy: str = ""

    def as_data(self) -> dict[str, Any]:
        return {
            "workflow": self.workflow,
            "kind": self.kind,
            "title": self.title,
            "words": self.words,
            "takes_mask": self.takes_mask,
            "shops": [list(shop) for shop in self.shops],
            "problem": self.problem,
            "remedy": self.remedy,
        }


def options(view: ServerView | None = None) -> list[Option]:
    """All of them. `view`: the server at hand; without one nothing is known to be a problem."""
    return list(_options(view))


def option_of(workflow: str, among: list[Option]) -> Option:
    """Raises UsageError where there is no such one, or the server cannot run it."""
    for option in among:
        if option.workflow == workflow:
            if option.problem:
                raise UsageError(option.problem, advice=option.remedy)
            return option
    raise UsageError(f"there is nothing called {workflow[:80]!r} to be made here.")


def shop_title(channel: str) -> str:
    return _SHOPS.get(channel) or channel[:1].upper() + channel[1:].replace("_", " ")


def _options(view: ServerView | None) -> Iterator[Option]:
    known, manifest = available_workflows(), load_manifest()
    recorded = recorded_object_info(WORKFLOWS_DIR)
    for kind, names in _KINDS.items():
        for name in names:
            if name not in known:
                continue
            workflow = load_workflow(name)
            inputs = {spec.name: spec for spec in workflow.inputs(recorded)}
            channel = inputs.get("channel")
            shops = tuple((str(one), shop_title(str(one))) for one in (channel.options if channel else None) or ())
            problem, remedy = ("", "") if view is None else _problem(workflow, view, manifest)
            words = next((word for word in WORDS if word in inputs), "")
            yield Option(name, kind, _TITLES[name], words, MASK in inputs, shops, problem, remedy)


def _problem(workflow: Workflow, view: ServerView, manifest: Manifest) -> tuple[str, str]:
    """(why the server cannot run it, the command that helps)."""
    errors = [problem for problem in check_workflow(workflow, view) if problem.severity == "error"]
    if not errors:
        return "", ""
    models = [manifest.get(number) for number in dict.fromkeys(one.model_id for one in errors) if number is not None]
    if not models:
        return f"{errors[0].message} {errors[0].advice}".strip(), spell("validate", workflow.name)
    size = sum(model.bytes or 0 for model in models)
    names = ", ".join(model.relative_path.name for model in models)
    amount = f" ({human_size(size)})" if size else ""
    many = "a model that is not installed" if len(models) == 1 else f"{len(models)} models that are not installed"
    return f"It needs {many}{amount}: {names}.", spell("models", "download", "--for", workflow.name)


def values_of(option: Option, given: Mapping[str, Any]) -> dict[str, str]:
    """What of `given` (a shop, words) this option takes, checked.

    Raises UsageError for a shop that there is not, and for words that are none.
    """
    values: dict[str, str] = {}
    if option.shops:
        shop = given.get("shop") or option.shops[0][0]
        if not isinstance(shop, str) or shop not in dict(option.shops):
            raise UsageError(f"there is no shop called {str(shop)[:80]!r}.")
        values["channel"] = shop
    words = given.get("words") or ""
    if not isinstance(words, str) or len(words) > MOST_WORDS:
        raise UsageError(f"what is said of the scene must be a text of at most {MOST_WORDS} letters.")
    if option.words and words.strip():
        values[option.words] = " ".join(without_lone_surrogates(words).replace("\0", " ").split())
    return values
