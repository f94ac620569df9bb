"""What a ComfyUI says, and anything it could say instead: the spaces of the tests with a lying server."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import strategies as st

from tests.support.hostile import NODES, STATS, Said, frame, png
from tests.support.spaces import any_json, as_json, corrupted, mutated

Lies = list[tuple[str, bytes | Said]]
ENDPOINTS = (
    "GET /system_stats", "GET /features", "GET /object_info", "POST /upload/image", "POST /prompt", "GET /api/jobs/",
    "GET /api/jobs?", "GET /history", "GET /queue", "GET /view", "GET /node_replacements", "GET /ws", "POST /api/jobs/",
    "POST /queue",
)  # fmt: skip
WORDS = [
    "system",
    "comfyui_version",
    "devices",
    "max_upload_size",
    "name",
    "subfolder",
    "prompt_id",
    "node_errors",
    "errors",
    "status",
    "outputs",
    "images",
    "filename",
    "type",
    "text",
    "execution_status",
    "execution_error",
    "messages",
    "id",
    "exception_message",
    "traceback",
    "node_id",
    "SaveImage",
    "EmptyImage",
    "LoadImage",
    "input",
    "required",
    "output",
    "queue_running",
    "queue_pending",
    "jobs",
    "priority",
    "completed",
    "failed",
    "cancelled",
    "pending",
    "error",
    "extra_info",
    "missing_node_type",
    "2",
    "$ID",
    "data",
    "node",
    "nodes",
    "value",
    "max",
    "progress",
    "executing",
    "COMBO",
    "options",
    "COMFY_AUTOGROW_V3",
    "COMFY_DYNAMICCOMBO_V3",
    "template",
    "key",
    "inputs",
    "min",
    "INT",
]
VALUES = any_json(WORDS)

FILE = {"filename": "a_00001_.png", "subfolder": "", "type": "output"}
ERROR = {"node_id": "1", "exception_message": "m", "exception_type": "E", "traceback": ["  a", "b"]}
GROWING = {"template": {"input": {"required": {"a": ["IMAGE", {}]}}, "min": 1, "max": 3, "prefix": "p"}}
CHOOSING = {"options": [{"key": "x", "inputs": {"required": {}}}]}
DYNAMIC = {"g": ["COMFY_AUTOGROW_V3", GROWING], "d": ["COMFY_DYNAMICCOMBO_V3", CHOOSING]}
PLAIN = {"width": ["INT", {"min": 0, "max": 9}], "k": [["a"], {}]}
CACHED = {"messages": [["execution_cached", {"nodes": ["1"]}]]}
SHAPES: dict[str, list[Any]] = {
    "GET /system_stats": [
        {"system": {"comfyui_version": "1"}, "devices": [{"name": "a", "type": "cuda", "vram_free": 1}]}
    ],
    "GET /features": [{"max_upload_size": 1000000}],
    "GET /object_info": [
        {"EmptyImage": {"input": {"required": PLAIN}, "output": ["IMAGE"]}},
        {"SaveImage": {"input": {"required": DYNAMIC}, "output": [], "output_node": True}},
    ],
    "POST /upload/image": [{"name": "p.png", "subfolder": "s", "type": "input"}],
    "POST /prompt": [
        {"prompt_id": "x", "node_errors": {"1": {"errors": [{"message": "m", "details": "d", "type": "t"}]}}},
    ],
    "GET /api/jobs/": [
        {
            "id": "x",
            "status": "completed",
            "outputs": {"2": {"images": [FILE], "text": ["{}"]}},
            "execution_start_time": 1,
            "execution_end_time": 2,
            "execution_status": CACHED,
        },
        {"id": "x", "status": "failed", "outputs": {}, "execution_error": ERROR},
    ],
    "GET /api/jobs?": [{"jobs": [{"id": "x", "status": "pending", "priority": 1}]}],
    "GET /history": [{"$ID": {"status": {"status_str": "error", "messages": [["execution_error", ERROR]]}}}],
    "GET /queue": [{"queue_running": [[1, "$ID", {}, {}, []]], "queue_pending": [[2, "y", {}, {"prodgen": {}}, []]]}],
    "GET /node_replacements": [{"a": [{}]}],
    "POST /api/jobs/": [{"cancelled": True}],
}
RIGHT = {**SHAPES, "GET /view": [png()], "GET /system_stats": [STATS], "GET /object_info": [NODES]}
"""What a ComfyUI sends, whole: to be cut and joined."""
WRITTEN = {
    key: st.sampled_from([shape if isinstance(shape, bytes) else as_json(shape) for shape in shapes])
    for key, shapes in RIGHT.items()
}
LIES = st.one_of(
    st.tuples(st.sampled_from(ENDPOINTS), VALUES.map(as_json)),
    *(st.tuples(st.just(key), mutated(shapes, VALUES).map(as_json)) for key, shapes in SHAPES.items()),
    *(st.tuples(st.just(key), corrupted(written)) for key, written in WRITTEN.items()),
)
STATUSES = st.sampled_from([200, 200, 200, 200, 200, 400, 404, 500, 418])
SAID = [
    {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1}}, "sid": "x"}},
    {"type": "progress", "data": {"prompt_id": "$ID", "node": "1", "value": 1, "max": 2}},
    {
        "type": "progress_state",
        "data": {"prompt_id": "$ID", "nodes": {"1": {"value": 1, "max": 2, "state": "running"}}},
    },
    {"type": "executing", "data": {"prompt_id": "$ID", "node": None, "display_node": "1"}},
    {"type": "executed", "data": {"prompt_id": "$ID", "node": "2", "output": {"images": [FILE]}}},
    {"type": "execution_start", "data": {"prompt_id": "$ID", "timestamp": 1}},
    {"type": "execution_cached", "data": {"prompt_id": "$ID", "nodes": ["1"]}},
    {"type": "preview", "data": {"prompt_id": "$ID", "image": "x", "node_id": "1"}},
    {"type": "execution_success", "data": {"prompt_id": "$ID"}},
    {"type": "execution_error", "data": {"prompt_id": "$ID", **ERROR}},
    {"type": "execution_interrupted", "data": {"prompt_id": "$ID", "node_id": "1", "executed": []}},
]
BINARY = st.builds(
    lambda kind, data: struct.pack(">I", kind) + data,
    st.integers(0, 5) | st.integers(0, 2**32 - 1),
    st.binary(max_size=40) | corrupted(st.sampled_from([png(), struct.pack(">I", 1) + png(), as_json(SAID[1])])),
)
MESSAGES = st.lists(
    VALUES | mutated(SAID, VALUES) | mutated(SAID, VALUES) | BINARY | st.binary(max_size=64), max_size=4
)
FRAMES = st.lists(
    st.binary(max_size=40)
    | st.builds(
        frame,
        st.integers(0, 255) | st.sampled_from([0x81, 0x82, 0x01, 0x80, 0x88, 0x89]),
        st.binary(max_size=130) | corrupted(st.sampled_from([as_json(said) for said in SAID])),
        st.none() | st.none() | st.integers(0, 2**63),
    ),
    max_size=4,
)
"""What is no message, or not yet: frames of every kind, torn and with lengths that lie."""
RAW = st.binary(max_size=80) | st.builds(
    lambda head, body: head + body,
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n",
            b"HTTP/9.9 20000 \xff\xff\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
            b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 429 Slow\r\nRetry-After: nan\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 503 No\r\nRetry-After: Fri, 99 Foo\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n",
            b"HTTP/1.1 200 " + b"a" * 70_000,
        ]
    ),
    st.binary(max_size=40),
)
