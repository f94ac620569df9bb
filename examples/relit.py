"""What the relight workflow does after sampling: photo, a generated picture of it, and what is delivered, side by side.

    python examples/relit.py [PHOTO GENERATED] [--strip docs/relit.jpg] [--server URL]

The generated picture shows the product at the pixels where the photo has it. From its node "Generated" on, everything
is the published workflow, run on ComfyUI by the runner. Printed is what the workflow's own check measures, of the
generated picture and of the delivered one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from runner.__main__ import main as runner
from runner.workflow.graph import Graph, up_to
from runner.workflow.load import load_workflow

HERE = Path(__file__).resolve().parent
WORKFLOW = "relight_iclight"
PANEL, GAP = 500, 8
_AT_ITS_PLACE = ("ProdgenGroundShadow", "ProdgenPasteBack", "ProdgenFidelity")
_BEFORE, _AFTER = "Generated: Product Fidelity", "Product Fidelity"


def after_sampling(graph: Graph) -> Graph:
    """A relight workflow from its decoded picture on, which becomes the input `generated`; no model is needed.

    The product stays where it is in the photo: both pictures have one size.
    """
    copy: Graph = json.loads(json.dumps(graph))
    (decoded,) = (node_id for node_id, node in copy.items() if node["_meta"]["title"] == "Generated")
    copy[decoded] = {"class_type": "LoadImage", "inputs": {"image": ""}, "_meta": {"title": "input: generated"}}
    for node in copy.values():
        if node["class_type"] in _AT_ITS_PLACE:
            node["inputs"].pop("placement", None)
        if node["class_type"] == "ProdgenSegmentProduct":
            node["inputs"].pop("bg_removal_model")
    ends = [node_id for node_id, node in copy.items() if node["class_type"] in ("SaveImage", "ProdgenFidelity")]
    return up_to(copy, *ends)


def measured_twice(graph: Graph) -> Graph:
    """A copy in which the generated picture is measured as the delivered one is."""
    copy: Graph = json.loads(json.dumps(graph))
    (generated,) = (node_id for node_id, node in copy.items() if node["_meta"]["title"] == "input: generated")
    (check,) = (node for node in copy.values() if node["class_type"] == "ProdgenFidelity")
    inputs = {**check["inputs"], "image": [generated, 0]}
    copy["before"] = {**check, "inputs": inputs, "_meta": {"title": _BEFORE}}
    return copy


def delivered(
    photo: Path, generated: Path, settings: list[str], servers: list[str]
) -> tuple[Image.Image, dict[str, Any]]:
    """The delivered picture, and the reports of the run by node title."""
    graph = measured_twice(after_sampling(load_workflow(WORKFLOW).graph))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workflow = folder / f"{WORKFLOW}.json"
        workflow.write_text(json.dumps(graph), encoding="utf-8")
        command = ["submit", str(workflow), "--image", str(photo), "--image", str(generated), "--out", str(folder)]
        command += [word for setting in settings for word in ("--set", setting)]
        command += [word for url in servers for word in ("--server", url)]
        code = runner([*command, "--name", "relit"])
        if code:
            raise SystemExit(code)
        with Image.open(folder / "relit_picture.png") as opened:
            picture = opened.convert("RGB")
        record = json.loads((folder / "relit.json").read_text(encoding="utf-8"))
    return picture, record["reports"]


def strip(pictures: list[Image.Image]) -> Image.Image:
    """Panels of one size side by side, a little white between them."""
    height = round(PANEL * pictures[0].height / pictures[0].width)
    whole = Image.new("RGB", (PANEL * len(pictures) + GAP * (len(pictures) - 1), height), "white")
    for index, picture in enumerate(pictures):
        whole.paste(picture.resize((PANEL, height), Image.Resampling.LANCZOS), (index * (PANEL + GAP), 0))
    return whole


def figures(report: dict[str, Any]) -> str:
    return f"hue error {report['hue_error_deg']:.1f}°, CIEDE2000 {report['delta_e00_mean']:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", nargs="?", type=Path, default=HERE / "berry_bag.jpg")
    parser.add_argument("generated", nargs="?", type=Path, default=HERE / "berry_bag_terrace.jpg")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an input of the workflow")
    parser.add_argument("--server", action="append", default=[], metavar="URL", help="as in `python -m runner submit`")
    parser.add_argument("--strip", type=Path, help="write the three pictures side by side to this JPEG")
    parser.add_argument("--png", type=Path, help="write the delivered picture at full size")
    arguments = parser.parse_args()
    picture, reports = delivered(arguments.photo, arguments.generated, arguments.set, arguments.server)
    if arguments.strip:
        with Image.open(arguments.photo) as photo, Image.open(arguments.generated) as generated:
            panels = [photo.convert("RGB"), generated.convert("RGB"), picture]
        strip(panels).save(arguments.strip, quality=90, subsampling=0, optimize=True)
    if arguments.png:
        picture.save(arguments.png)
    sys.stdout.write(f"generated: {figures(reports[_BEFORE])}\ndelivered: {figures(reports[_AFTER])}\n")


if __name__ == "__main__":
    main()
