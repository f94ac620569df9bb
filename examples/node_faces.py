"""Nodes as ComfyUI's front end draws them, one by one on an empty canvas in a real Chromium."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image

FACE = """
const node = window.LiteGraph.createNode(arguments[0]);
window.app.graph.clear(); node.pos = [0, 0]; window.app.graph.add(node);
const size = node.computeSize(); node.setSize([Math.max(size[0], 300), Math.max(size[1], node.size[1])]);
const view = window.app.canvas.ds; view.scale = 1.0; view.offset = [500, 120];
window.app.canvas.setDirty(true, true);
const title = window.LiteGraph.NODE_TITLE_HEIGHT, box = document.querySelector('#graph-canvas').getBoundingClientRect();
return [box.left + 500, box.top + 120 - title, node.size[0], node.size[1] + title];
"""


def faces(server: str, nodes: list[str]) -> dict[str, Image.Image]:
    """Each node as ComfyUI's front end draws it."""
    from tests.canvas.canvas import Canvas  # ComfyUI's front end is needed for these alone

    pictures: dict[str, Image.Image] = {}
    with tempfile.TemporaryDirectory() as folder:
        canvas = Canvas(server, Path(folder))
        try:
            canvas.visit()
            for node in nodes:
                left, top, width, height = canvas.browser.execute_script(FACE, node)
                canvas.settled()
                shot = Image.open(io.BytesIO(canvas.browser.get_screenshot_as_png())).convert("RGB")
                edge = 4  # above it stands the pack's name, on a badge
                box = (left - edge, top - edge, left + width + edge, top + height + edge)
                pictures[node] = shot.crop(tuple(round(side) for side in box))
        finally:
            canvas.close()
    return pictures
