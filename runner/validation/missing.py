"""What a missing node or model is and how to get it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from runner.invocation import spell
from runner.models.names import is_model_name
from runner.suggest import Suggestions
from runner.workflow.canvas_nodes import is_canvas_only
from runner.workflow.graph import describe_node
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.schema import ObjectInfo, is_file_list, recorded_object_info

if TYPE_CHECKING:
    from runner.models.manifest import Model
    from runner.validation.problem import Problem
    from runner.workflow.graph import Workflow

_FOLDER_OF_WIDGET = {
    "ckpt_name": "checkpoints",
    "vae_name": "vae",
    "lora_name": "loras",
    "control_net_name": "controlnet",
    "unet_name": "diffusion_models",
    "clip_name": "text_encoders",
    "clip_name1": "text_encoders",
    "clip_name2": "text_encoders",
    "clip_name3": "text_encoders",
    "style_model_name": "style_models",
    "bg_removal_name": "background_removal",
    "gligen_name": "gligen",
    "hypernetwork_name": "hypernetworks",
    "photomaker_model_name": "photomaker",
}
_FOLDER_OF_NODE = {
    ("UpscaleModelLoader", "model_name"): "upscale_models",
    ("CLIPVisionLoader", "clip_name"): "clip_vision",
    ("ProdgenLoadBackgroundRemoval", "model"): "background_removal",
}

_PACKS = {
    "(rgthree)": "rgthree-comfy",
    "|pysssss": "ComfyUI-Custom-Scripts",
    "(mtb)": "comfy_mtb",
    "VHS_": "ComfyUI-VideoHelperSuite",
    "easy ": "ComfyUI-Easy-Use",
    "(Inspire)": "ComfyUI-Inspire-Pack",
}
"""What a class name of a well-known pack holds → the pack."""


def missing_node(
    node_id: str, node: Mapping[str, Any], object_info: ObjectInfo, suggestions: Suggestions
) -> tuple[str, str]:
    """(what is missing, how to get it) for a node whose class the server does not have."""
    class_type = str(node["class_type"])
    message = f"{describe_node(node_id, node)}: the server has no node of this kind."
    if is_canvas_only(class_type):
        return f"{describe_node(node_id, node)}: this node exists on the canvas only, no server has it.", (
            "Export the workflow again with ComfyUI's own menu → Workflow → Export (API), which writes what the node "
            "stands for."
        )
    if class_type.startswith("Prodgen"):
        advice = "It belongs to prodgen. Install it with: python install.py"
        return message, f"{advice} (your own ComfyUI: python install.py --comfyui PATH), then restart the server."
    pack = pack_of(class_type)
    if pack is not None:
        advice = f"It belongs to {pack}. Install it with: python install.py --with controlnet-aux"
        return message, f"{advice}, then restart the server."
    if class_type in _core_nodes():
        return message, (
            "It is part of ComfyUI itself: the server's is too old (0.30 or newer is needed; "
            f"`{spell('status')}` shows it), or so new that it no longer has this node, or this list of nodes is "
            "incomplete."
        )
    hint = suggestions.did_you_mean(class_type, object_info)
    named = next((pack for mark, pack in _PACKS.items() if mark in class_type), "")
    comes_from = f"It belongs to the pack {named}" if named else "It comes from another custom-node pack"
    advice = f"{comes_from}: install that in ComfyUI (its Manager lists missing nodes)."
    return f"{message}{hint}", advice


@cache
def _core_nodes() -> frozenset[str]:
    """The nodes of bundled workflows that come with ComfyUI 0.30. Read only when a node is really missing."""
    recorded = recorded_object_info(WORKFLOWS_DIR)
    modules = {name: str(info.get("python_module", "")) for name, info in recorded.items()}
    return frozenset(name for name, module in modules.items() if module and not module.startswith("custom_nodes."))


def pack_of(class_type: str) -> str | None:
    """The optional pack of others that a node of a bundled workflow comes from; None for every other node."""
    return "comfyui_controlnet_aux" if class_type.endswith("Preprocessor") else None


def is_model_widget(widget: str) -> bool:
    """Whether a widget of this name takes the file of a model, whatever it is set to."""
    return widget in _FOLDER_OF_WIDGET


def folder_for(class_type: str, widget: str) -> str | None:
    """The folder below `models/` that a widget's file lies in; None where that is not known."""
    return _FOLDER_OF_NODE.get((class_type, widget)) or _FOLDER_OF_WIDGET.get(widget)


@dataclass(frozen=True)
class FileCheck:
    """Recognises a missing model file. `lookup` finds a model of the manifest by its file name."""

    lookup: Callable[[str], Model | None] | None = None
    suggestions: Suggestions = field(default_factory=Suggestions)

    def missing_model(
        self, class_type: str, widget: str, value: Any, options: tuple[Any, ...], called: str = ""
    ) -> tuple[str, str, str | None] | None:
        """(message, advice, manifest id) when `value` is a model the server lacks; None when it is another value.

        `called`: what a user sets the widget by, where that is another name.
        """
        folder = folder_for(class_type, widget)
        if not isinstance(value, str) or not (is_model_name(value) or (folder and is_file_list(options))):
            return None
        base = value.replace("\\", "/").rsplit("/", 1)[-1]
        model = self._find(base)
        folder = model.folder if model is not None else folder
        message = f"the model {value!r} is not on the server"
        elsewhere = [str(o) for o in options if str(o).replace("\\", "/").rsplit("/", 1)[-1].lower() == base.lower()]
        if elsewhere:
            return (
                f"{message} under this name.",
                f"It is there as {elsewhere[0]!r}: set {called or widget} to that.",
                None,
            )
        if model is None:
            place = f"models/{folder}/" if folder else "its folder under models/"
            hint = self.suggestions.did_you_mean(value, (str(option) for option in options), (class_type, widget))
            advice = f"Put the file into {place} of ComfyUI, or set {called or widget} to a model that is there."
            return f"{message}.{hint}", advice, None
        return f"{message} {_facts(model)}.", how_to_get(model), model.id

    def optional_model(self, file_name: str, cost: str) -> tuple[str, str, str | None]:
        """(message, advice, manifest id) for a model that the workflow can do without; `cost`: what that costs."""
        model = self._find(file_name)
        facts = f" {_facts(model)}" if model is not None else ""
        message = f"the optional model {file_name!r} is not on the server{facts}: {cost}."
        return message, how_to_get(model) if model is not None else "", model.id if model is not None else None

    def _find(self, file_name: str) -> Model | None:
        if self.lookup is not None:
            return self.lookup(file_name)
        from runner.models.manifest import load_manifest  # read only when a model is really missing

        return load_manifest().find_file(file_name)


def _facts(model: Model) -> str:
    return f"({model.size_text}, licence {model.licence}; goes to models/{model.folder}/)"


def how_to_get(model: Model) -> str:
    """The command that gets a model, or what to do where nobody offers it."""
    if not model.is_offered:
        return f"It is {model.note}." if model.note else f"Put it into models/{model.folder}/ of ComfyUI."
    return f"Get it with: {spell('models', 'download', model.id)}"


def how_to_get_all(models: Sequence[Model], workflow: Workflow) -> list[str]:
    """The lines that say how all of these are got: one command, with its size, where there are several."""
    offered = [model for model in models if model.is_offered]
    if len(offered) == 1:
        return list(dict.fromkeys(how_to_get(model) for model in models))
    from runner.models.manifest import human_size

    name = workflow.label if workflow.path.parent == WORKFLOWS_DIR else str(workflow.path)
    size = human_size(sum(model.bytes or 0 for model in offered))
    lines = [f"Get them all ({size}): {spell('models', 'download', '--for', name)}"] if offered else []
    return [*lines, *dict.fromkeys(how_to_get(model) for model in models if not model.is_offered)]


def told_at_once(problems: Sequence[Problem], workflow: Workflow) -> list[str]:
    """What keeps a workflow from running, each once; several models that can be had are got by one command."""
    models = {problem.model_id: _of_manifest(problem.model_id) for problem in problems if problem.model_id}
    several = {name: model for name, model in models.items() if model is not None and model.is_offered}
    if len(several) == 1:
        several = {}
    lines = [replace(one, advice="").told if one.model_id in several else one.told for one in problems]
    more = how_to_get_all(list(several.values()), workflow) if several else []
    return [*dict.fromkeys(lines), *more]


def _of_manifest(model_id: str) -> Model | None:
    from runner.models.manifest import load_manifest

    return next((model for model in load_manifest().models if model.id == model_id), None)
