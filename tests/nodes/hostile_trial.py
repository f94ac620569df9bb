"""Calls nodes of the pack, in ComfyUI's own Python, with pictures and masks that no node should be given.

Arguments: ComfyUI's folder, the folder of the pack, a folder for what is written, and n: of all that could be given to
a node, every n-th is, beside what should be. Prints a JSON line per call: node, input, what was given, `end`
(`refused`, `done`, or the fault), and what is wrong with a result.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

comfyui, pack, scratch = (Path(argument).resolve() for argument in sys.argv[1:4])
every = int(sys.argv[4])
sys.path[:0] = [str(comfyui), str(pack)]
sys.argv = ["trial", "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import folder_paths  # noqa: E402
import torch  # noqa: E402
from torch import Tensor  # noqa: E402

folder_paths.set_temp_directory(str(scratch / "temp"))
folder_paths.set_output_directory(str(scratch / "output"))
for name in ("temp", "output"):
    (scratch / name).mkdir()
torch.set_num_threads(1)
torch.set_grad_enabled(False)

package = importlib.import_module("prodgen_nodes")
Node = Any
NODES: dict[str, Node] = {
    node.define_schema().node_id: node for node in asyncio.run(asyncio.run(package.comfy_entrypoint()).get_node_list())
}


def scene() -> tuple[Tensor, Tensor]:
    """A product on a plain ground `[1,72,96,3]`, and its mask `[1,72,96]`."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 72), torch.linspace(0, 1, 96), indexing="ij")
    mask = (((x - 0.5) / 0.28) ** 2 + ((y - 0.55) / 0.3) ** 2 < 1).float()
    product = torch.stack((0.5 + 0.2 * torch.sin(x * 40), 0.3 + 0.1 * torch.cos(y * 30), 0.2 + 0 * x), dim=-1)
    ground = torch.full_like(product, 0.8)
    grain = 0.01 * torch.rand(product.shape, generator=torch.Generator().manual_seed(1))
    return (torch.lerp(ground, product, mask[..., None]) + grain)[None].clamp(0, 1), mask[None]


PICTURES: dict[str, Callable[[Tensor], Tensor]] = {
    "an empty batch": lambda one: one[:0],
    "NaN": lambda one: one.where(one > 0.5, math.nan),
    "infinite": lambda one: one.where(one < 0.5, math.inf),
    "one pixel": lambda one: one[:, :1, :1],
    "one column": lambda one: one[:, :1, :1].expand(-1, 8000, 1, -1).contiguous(),
    "two channels": lambda one: one[..., :2],
    "one channel": lambda one: one[..., :1],
    "four channels": lambda one: torch.cat((one, one[..., :1]), dim=-1),
    "five channels": lambda one: torch.cat((one, one[..., :2]), dim=-1),
    "0 to 255": lambda one: one * 255,
    "-1 to 1": lambda one: one * 2 - 1,
    "bytes": lambda one: (one * 255).to(torch.uint8),
    "no batch": lambda one: one[0],
    "channels first": lambda one: one.movedim(-1, 1).contiguous(),
    "half the size": lambda one: one[:, ::2, ::2].contiguous(),
    "a pixel less": lambda one: one[:, :-1, :-1].contiguous(),
    "black": lambda one: one * 0,
    "white": lambda one: one * 0 + 1,
    "half precision": lambda one: one.half(),
    "three pictures": lambda one: one.repeat(3, 1, 1, 1),
}
MASKS: dict[str, Callable[[Tensor], Tensor]] = {
    "an empty batch": lambda one: one[:0],
    "NaN": lambda one: one * math.nan,
    "nothing": lambda one: one * 0,
    "everything": lambda one: one * 0 + 1,
    "0.49 throughout": lambda one: one * 0 + 0.49,
    "one pixel marked": lambda one: one * 0 + (torch.arange(one.numel()).reshape(one.shape) == 1000),
    "half the size": lambda one: one[:, ::2, ::2].contiguous(),
    "a pixel less": lambda one: one[:, :-1, :-1].contiguous(),
    "one pixel": lambda one: one[:, :1, :1],
    "no batch": lambda one: one[0],
    "a channel": lambda one: one[..., None],
    "0 to 255": lambda one: one * 255,
    "bytes": lambda one: (one * 255).to(torch.uint8),
    "yes and no": lambda one: one > 0.5,
    "the placeholder": lambda _one: torch.zeros(1, 64, 64),
    "three masks": lambda one: one.repeat(3, 1, 1),
}
NUMBERS = (math.nan, math.inf, -math.inf, -1e9, 1e9)


def defaults(node: Node) -> dict[str, Any]:
    """What its widgets hold, and what each takes first where nothing is said."""
    values = {}
    for one in node.define_schema().inputs:
        value = getattr(one, "default", None)
        options = getattr(one, "options", None)
        if value is None and options:
            value = options[0]
        if value is not None:
            values[one.id] = value
    return values


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    picture, mask = scene()
    other = picture.flip(2)
    placed = NODES["ProdgenPlaceProduct"].execute(
        **{**defaults(NODES["ProdgenPlaceProduct"]), "product": picture, "mask": mask, "width": 96, "height": 72}
    )
    canvas, on_canvas, placement = placed.args[:3]
    small = {"width": 96, "height": 72}
    yield "ProdgenPlaceProduct", {"product": picture, "mask": mask, **small}
    yield "ProdgenEraseHandle", {"image": picture, "mask": mask}
    yield "ProdgenGripZone", {"image": picture, "mask": mask}
    yield "ProdgenPasteBack", {
        "scene": canvas, "product": picture, "mask": mask, "placement": placement, "keep_in_front": on_canvas * 0.4
    }  # fmt: skip
    yield "ProdgenColorFix", {"image": other, "reference": picture, "mask": mask, "reference_mask": mask}
    yield "ProdgenGroundShadow", {"image": canvas, "mask": on_canvas}
    yield "ProdgenFidelity", {"image": canvas, "product": picture, "mask": mask, "placement": placement}
    yield "ProdgenRecolor", {"product": picture, "mask": mask, "part": mask, "photo": picture, "transparency": 1 - mask}
    yield "ProdgenCameraMove", {"image": canvas, "width": 96, "height": 72, "seconds": 0.2, "fps": 10.0}
    yield "ProdgenSaveCutout", {"product": picture, "mask": mask}
    channel = NODES["ProdgenChannel"].execute(**defaults(NODES["ProdgenChannel"])).args[6]
    yield "ProdgenExport", {"image": canvas, "mask": on_canvas, "channel": channel, "shadow": on_canvas * 0.4}
    yield "ProdgenRegisterProduct", {
        "generated": canvas, "product": picture, "mask": mask, "placement": placement, "ignore": on_canvas * 0.4
    }  # fmt: skip
    yield "ProdgenStyle", {"image": picture, "mask": mask, "depth": other, "style": "none"}
    yield "ProdgenCropRegions", {"image": picture, "mask": mask, "size": 64, "padding": 4}


def given(node: Node, values: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(input, what is said of it, the value) of everything that is tried."""
    for name, value in values.items():
        if isinstance(value, Tensor):
            for said, change in (PICTURES if value.ndim == 4 else MASKS).items():
                yield name, said, change(value)
    for one in node.define_schema().inputs:
        if isinstance(getattr(one, "default", None), float):
            yield from ((one.id, str(number), number) for number in NUMBERS)


def wrong_with(values: tuple[Any, ...]) -> list[str]:
    """What no finished picture or mask is."""
    found = []
    for number, value in enumerate(values):
        if not isinstance(value, Tensor):
            continue
        if not value.numel() or not bool(torch.isfinite(value).all()):
            found.append(f"output {number} is empty or not finite")
        elif float(value.min()) < -1e-4 or float(value.max()) > 1 + 1e-4:
            found.append(f"output {number} goes from {float(value.min()):.3g} to {float(value.max()):.3g}")
    return found


def ended(node: Node, values: dict[str, Any]) -> tuple[str, list[str]]:
    before = {name: value.clone() for name, value in values.items() if isinstance(value, Tensor)}
    try:
        done = node.execute(**values)
    except ValueError as error:
        own = type(error).__module__.startswith("prodgen_nodes.") and str(error)
        return ("refused", []) if own else (repr(error), [])
    except Exception as error:
        return repr(error), []
    changed = [
        f"{name} was changed"
        for name, value in before.items()
        if not torch.equal(value.double().nan_to_num(), values[name].double().nan_to_num())
    ]
    return "done", wrong_with(done.args) + changed


def written(prefix: str) -> list[str]:
    """What three runs write under one name."""
    picture, mask = scene()
    usual = {"product": picture, "mask": mask, "filename_prefix": prefix, "save_mask": False}
    reports = [json.loads(NODES["ProdgenSaveCutout"].execute(**usual).args[1]) for _ in range(3)]
    return [str(file["file"]) for report in reports for file in report["files"]]


for prefix in ("bag", "bag [1]", "b*g", "bag [1] %batch_num%", "[%batch_num%] b?g"):
    files = written(prefix)
    wrong = [] if len(set(files)) == 3 else [f"{files[-1]} was overwritten"]
    print(json.dumps({"node": "ProdgenSaveCutout", "input": "name", "given": prefix, "end": "done", "wrong": wrong}))
for turn, (node_id, inputs) in enumerate(cases()):  # each node begins with another: some node is given each kind
    node = NODES[node_id]
    usual = {**defaults(node), **inputs}
    for name, said, value in [("", "as it should be", None), *[*given(node, inputs)][turn % every :: every]]:
        end, wrong = ended(node, usual if not name else {**usual, name: value})
        print(json.dumps({"node": node_id, "input": name, "given": said, "end": end, "wrong": wrong}), flush=True)
