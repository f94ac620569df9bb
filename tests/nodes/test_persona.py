"""Persona and Pose from the Product on a real server: rules, a model's answer, and the pose into Place Product."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner.local_server.process import Installation
from runner.validation.check import check_graph
from tests.nodes.test_handle import handbag
from tests.support.comfy import REPO, ComfyServer, GraphError

ANSWER = {
    "person": "man in his seventies, fair skin, white hair",
    "garments": "wearing a grey sweater and charcoal trousers",
    "lighting": "soft window light",
    "background": "quiet library",
    "held": "holding the handbag with both hands in front of the chest",
    "shot": "half body shot",
    "gaze": "looking into the camera, calm",
    "pose": "held_in_front",
}


def graph(picture: str, description: str | None = None, **settings: Any) -> dict[str, Any]:
    """Photo with alpha → Persona → the pose of Place Product."""
    persona: dict[str, Any] = {"product": ["1", 0], "mask": ["2", 0], **settings}
    nodes = {
        "1": {"class_type": "LoadImage", "inputs": {"image": picture}},
        "2": {"class_type": "InvertMask", "inputs": {"mask": ["1", 1]}},
        "3": {"class_type": "ProdgenPersona", "inputs": persona},
        "4": {
            "class_type": "ProdgenPlaceProduct",
            "inputs": {
                "product": ["1", 0],
                "mask": ["2", 0],
                "width": 512,
                "height": 512,
                "pose": ["3", 2],
                "fill": 0.0,
                "offset_x": 0.0,
                "offset_y": 0.0,
                "background": "#ffffff",
            },
        },
        "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "persona"}},
        "6": {"class_type": "PreviewAny", "inputs": {"source": ["3", 0]}},
        "7": {"class_type": "PreviewAny", "inputs": {"source": ["3", 1]}},
    }
    if description is not None:
        nodes["8"] = {"class_type": "PrimitiveStringMultiline", "inputs": {"value": description}}
        persona["description"] = ["8", 0]
    return nodes


def text(outputs: dict[str, dict[str, Any]], node: str) -> str:
    return str(outputs[node]["text"][0])


def report(outputs: dict[str, dict[str, Any]], node: str = "3") -> dict[str, Any]:
    return dict(json.loads(text(outputs, node)))


def test_rules_write_the_prompt_and_the_pose_reaches_place_product(comfy_server: ComfyServer) -> None:
    outputs = comfy_server.run(graph(comfy_server.upload(handbag()), seed=5))
    said, placed = report(outputs), report(outputs, "4")
    assert said["model"] == "none" and set(said["source"].values()) == {"rules"}
    assert said["product"]["kind"] == "handbag" and said["product"]["colors"][0]["name"].endswith("blue")
    assert placed["pose"] == said["pose"] in ("held_beside_hips", "held_by_legs")
    prompt = text(outputs, "6")
    assert said["fields"]["person"] in prompt and said["fields"]["held"] in prompt
    assert prompt.endswith("only one person, only the handbag in the hand, photorealistic, tack-sharp, high definition")
    assert "two people" in text(outputs, "7") and "second handbag" in text(outputs, "7")


@pytest.mark.parametrize("pose", ["held_beside_hips", "held_in_front", "held_by_legs", "on_surface", "centered"])
def test_every_pose_is_accepted_by_place_product(comfy_server: ComfyServer, pose: str) -> None:
    outputs = comfy_server.run(graph(comfy_server.upload(handbag()), pose=pose))
    assert report(outputs, "4")["pose"] == pose == report(outputs)["pose"]
    picture = np.asarray(comfy_server.picture(outputs["5"]["images"][0]).convert("L"))
    assert (picture < 200).mean() > 0.02, "the product is on the canvas"


def test_a_models_answer_decides(comfy_server: ComfyServer) -> None:
    outputs = comfy_server.run(
        graph(comfy_server.upload(handbag()), description=f"Sure:\n```\n{json.dumps(ANSWER)}\n```")
    )
    said = report(outputs)
    assert said["model"] == "used" and said["pose"] == "held_in_front" == report(outputs, "4")["pose"]
    assert text(outputs, "6").startswith("man in his seventies, fair skin, white hair, wearing a grey sweater")


def test_nonsense_falls_back_and_says_so(comfy_server: ComfyServer) -> None:
    picture = comfy_server.upload(handbag())
    outputs = comfy_server.run(graph(picture, description="asdf <|im_end|> 哈哈"))
    said = report(outputs)
    assert said["model"] == "nonsense" and "rules were used" in said["notes"][0]
    assert text(outputs, "6") == text(comfy_server.run(graph(picture)), "6")


def test_wish_and_own_prompt(comfy_server: ComfyServer) -> None:
    picture = comfy_server.upload(handbag())
    wished = comfy_server.run(graph(picture, wish="a woman in her fifties, winter street"))
    assert text(wished, "6").startswith("a woman in her fifties, ") and ", winter street. " in text(wished, "6")
    own = comfy_server.run(graph(picture, prompt="just (this:1.1)"))
    assert text(own, "6") == "just (this:1.1)" and report(own)["source"]["prompt"] == "user"


def test_the_examples_question_holds_the_facts(comfy_server: ComfyServer) -> None:
    """An example photo through Segment Product; the question carries what was measured of it."""
    nodes = {
        "1": {"class_type": "LoadImage", "inputs": {"image": comfy_server.upload(REPO / "examples" / "handbag.jpg")}},
        "2": {"class_type": "ProdgenSegmentProduct", "inputs": {"image": ["1", 0], "method": "plain_backdrop"}},
        "3": {
            "class_type": "ProdgenPersonaQuestion",
            "inputs": {"product": ["2", 0], "mask": ["2", 1], "wish": "a winter street"},
        },
        "4": {"class_type": "PreviewAny", "inputs": {"source": ["3", 0]}},
    }
    outputs = comfy_server.run(nodes)
    assert report(outputs)["kind"] == "handbag"
    asked = text(outputs, "4")
    assert "handbag with an arched handle" in asked and "brown" in asked and asked.endswith("a winter street")
    assert "held_beside_hips" in asked and "JSON" in asked


def test_a_batch_and_files_without_alpha(comfy_server: ComfyServer) -> None:
    nodes = graph(comfy_server.upload(handbag()))
    nodes["9"] = {"class_type": "RepeatImageBatch", "inputs": {"image": ["1", 0], "amount": 2}}
    nodes["3"]["inputs"]["product"] = ["9", 0]
    assert "first" in report(comfy_server.run(nodes))["notes"][-1]
    with pytest.raises(GraphError, match="placeholder"):
        comfy_server.run(graph(comfy_server.upload(handbag().convert("RGB"))))
    with pytest.raises(GraphError, match="mask is empty"):
        comfy_server.run(graph(comfy_server.upload(Image.new("RGBA", (128, 128), (9, 9, 9, 0)))))


def test_a_pose_that_place_product_alone_knows_is_refused(comfy_server: ComfyServer) -> None:
    with pytest.raises(GraphError, match="marketplace"):
        comfy_server.run(graph(comfy_server.upload(handbag()), pose="marketplace"))


def test_the_runners_check_accepts_the_link_into_a_list_of_choices(comfy_server: ComfyServer) -> None:
    picture = comfy_server.upload(handbag())
    nodes = graph(picture, description="")
    problems = check_graph(nodes, comfy_server.object_info(), uploaded=[picture])
    assert not problems, [str(problem) for problem in problems]
    nodes["4"]["inputs"]["pose"] = ["4", 0]
    assert check_graph(nodes, comfy_server.object_info(), uploaded=[picture])


def test_outputs_and_inputs_as_published(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info("ProdgenPersona")
    assert info["output_name"] == ["prompt", "negative", "pose", "report"]
    assert info["output"] == ["STRING", "STRING", "COMBO", "STRING"]
    assert list(info["input"]["required"]) == ["product", "mask"]
    assert list(info["input"]["optional"]) == ["description", "wish", "prompt", "seed", "pose", "one_hand"]
    question = comfy_server.object_info("ProdgenPersonaQuestion")
    assert question["output_name"] == ["question", "report"]


SMOKE_TEXT_ENCODER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
target, sys.argv = Path(sys.argv[3]), [sys.argv[0], "--cpu"]
import comfy.options
comfy.options.enable_args_parsing()
from runner.smoke.text_encoder import qwen35
from runner.smoke.weights import save
save(qwen35(seed=41), target)
"""


@pytest.mark.slow
def test_a_real_vision_language_model_is_asked_and_its_nonsense_is_told(
    comfy_installation: Installation, start_comfy: Callable[..., ComfyServer]
) -> None:
    """The whole way on the canvas: question → Generate Text → persona. The weights are made up, so is the answer."""
    server = start_comfy()
    command = [str(comfy_installation.python), "-c", SMOKE_TEXT_ENCODER]
    places = [comfy_installation.comfyui, REPO, server.models_dir / "text_encoders" / "prodgen_smoke_qwen35.pth"]
    subprocess.run([*command, *map(str, places)], check=True, timeout=300)
    nodes = graph(server.upload(handbag()))
    nodes |= {
        "10": {
            "class_type": "CLIPLoader",
            "inputs": {"clip_name": "prodgen_smoke_qwen35.pth", "type": "stable_diffusion"},
        },
        "11": {"class_type": "ProdgenPersonaQuestion", "inputs": {"product": ["1", 0], "mask": ["2", 0]}},
        "12": {
            "class_type": "TextGenerate",
            "inputs": {
                "clip": ["10", 0],
                "prompt": ["11", 0],
                "image": ["1", 0],
                "max_length": 12,
                "sampling_mode": "off",
            },
        },
        "13": {"class_type": "PreviewAny", "inputs": {"source": ["12", 0]}},
    }
    nodes["3"]["inputs"]["description"] = ["12", 0]
    outputs = server.run(nodes, timeout=500)
    said = report(outputs)
    assert text(outputs, "13").strip(), "the model said something"
    assert said["model"] == "nonsense" and "rules were used" in said["notes"][0]
    assert set(said["source"].values()) == {"rules"}
    assert report(outputs, "4")["pose"] == said["pose"]
    del nodes["3"]["inputs"]["description"]
    assert text(server.run(nodes), "6") == text(outputs, "6"), "nonsense and no model give the same prompt"
