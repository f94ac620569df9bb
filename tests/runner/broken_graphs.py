"""Graphs that are right, and the ways in which one can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.runner.test_workflow import node

Graph = dict[str, Any]
Change = Callable[[Graph], None]


def good_graph() -> Graph:
    """Everything in it is in core and needs no model."""
    return {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
        "2": node("ImageScale", image=["1", 0], upscale_method="area", width=32, height=32, crop="disabled"),
        "3": node("SaveImage", "Save", images=["2", 0], filename_prefix="check"),
        "4": node(
            "ResizeImageMaskNode",
            input=["1", 0],
            resize_type="scale dimensions",
            scale_method="area",
            **{"resize_type.width": 16, "resize_type.height": 16, "resize_type.crop": "center"},
        ),
        "5": node("BatchImagesNode", **{"images.image0": ["1", 0], "images.image1": ["4", 0]}),
        "6": node("PreviewImage", images=["5", 0]),
    }


def model_graph() -> Graph:
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors"),
        "2": node("CLIPTextEncode", text="a bag", clip=["1", 1]),
        "3": node("EmptyLatentImage", width=512, height=512, batch_size=1),
        "4": node(
            "KSampler",
            model=["1", 0],
            positive=["2", 0],
            negative=["2", 0],
            latent_image=["3", 0],
            seed=1,
            steps=20,
            cfg=7.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
        ),
        "5": node("VAELoader", vae_name="unheard_of.safetensors"),
        "6": node("VAEDecode", samples=["4", 0], vae=["5", 0]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="x"),
    }


def set_input(node_id: str, name: str, value: Any) -> Change:
    return lambda graph: graph[node_id]["inputs"].__setitem__(name, value)


def drop_input(node_id: str, name: str) -> Change:
    return lambda graph: graph[node_id]["inputs"].pop(name)


def set_class(node_id: str, kind: str) -> Change:
    return lambda graph: graph[node_id].__setitem__("class_type", kind)


def drop_outputs(graph: Graph) -> None:
    for node_id in ("3", "6"):
        del graph[node_id]


def make_cycle(graph: Graph) -> None:
    graph["1"] = node("ImageScale", image=["2", 0], upscale_method="area", width=32, height=32, crop="disabled")


BROKEN: dict[str, tuple[Change, str, str]] = {
    # what is changed · our kind · the server's error type ("" where it accepts the graph and fails later)
    "missing node": (set_class("2", "ImageScaleOfAnotherPack"), "missing_node", "missing_node_type"),
    "missing prodgen node": (set_class("2", "ProdgenDoesNotExist"), "missing_node", "missing_node_type"),
    "no output node": (drop_outputs, "no_output", "prompt_no_outputs"),
    "value below its minimum": (set_input("2", "width", -1), "bad_value", "value_smaller_than_min"),
    "value above its maximum": (set_input("2", "height", 99999), "bad_value", "value_bigger_than_max"),
    "no number": (set_input("2", "width", "wide"), "bad_value", "invalid_input_type"),
    "null for a number": (set_input("2", "width", None), "bad_value", "invalid_input_type"),
    "not in the list": (set_input("2", "upscale_method", "magic"), "bad_value", "value_not_in_list"),
    "not in the list of a new combo": (set_input("4", "scale_method", "magic"), "bad_value", "value_not_in_list"),
    "missing value": (drop_input("2", "crop"), "missing_input", "required_input_missing"),
    "missing link": (drop_input("3", "images"), "missing_input", "required_input_missing"),
    "missing input of a choice": (drop_input("4", "resize_type.width"), "missing_input", "required_input_missing"),
    "bad value of a choice": (set_input("4", "resize_type.width", -5), "bad_value", "value_smaller_than_min"),
    "missing first of a growing list": (drop_input("5", "images.image0"), "missing_input", "required_input_missing"),
    "link to no node": (set_input("2", "image", ["99", 0]), "bad_link", "exception_during"),
    "link to no output": (set_input("2", "image", ["1", 7]), "bad_link", "exception_during"),
    "link that is none": (set_input("2", "image", ["1", 0, 0]), "bad_link", "bad_linked_input"),
    "wrong type": (set_input("2", "width", ["1", 0]), "type_mismatch", "return_type_mismatch"),
    "wrong type into a growing list": (
        lambda graph: graph.update(
            {"5": node("BatchImagesNode", **{"images.image0": ["7", 0]}), "7": node("PrimitiveInt", value=1)}
        ),
        "type_mismatch",
        "return_type_mismatch",
    ),
    "cycle": (make_cycle, "cycle", "dependency_cycle"),
    "picture not there": (
        lambda graph: graph.update({"1": node("LoadImage", image="nobody-uploaded-this.png")}),
        "missing_file",
        "custom_validation_failed",
    ),
    "unknown key of a choice": (set_input("4", "resize_type", "by eye"), "bad_value", ""),
}


OTHER_ACCEPTED: dict[str, Change] = {
    "number as text": set_input("2", "width", " 48 "),
    "wrapped value": set_input("2", "width", {"__value__": 48}),
    "unknown extra input": set_input("2", "note", "hello"),
    "second output of nothing needed": lambda g: g.update({"8": node("ImageScale", image=["99", 0])}),
    "optional input left out": drop_input("5", "images.image1"),
    "a growing list further on": set_input("5", "images.image2", ["1", 0]),
    "any type": lambda g: g.update({"8": node("PreviewAny", source=["1", 0])}),
    "float for a whole number": set_input("2", "width", 48.0),
}
