"""What is written where: names from a hostile server, broken downloads, full disks, what counts as a picture."""

from __future__ import annotations

import io
import json
import queue
import re
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from runner.errors import UsageError
from runner.execution.job import Attempt, JobSpec
from runner.execution.models_used import models_of, models_used
from runner.execution.outputs import JobOutputs, NodeReport, collect, failed_checks
from runner.execution.save import Abort, AbortedError, FilesMissingError, NotSavedError, SavedJob, save_job
from runner.execution.saver import SaveEnded, Saver, SaverDied
from runner.files import naming
from runner.files.verify import add_graph_to_png, png_has_graph
from runner.http.transport import NoAnswerError
from runner.models.manifest import load_manifest
from runner.server.client import ComfyClient
from runner.server.records import JobRecord, JobStatus, ServerFile
from runner.server.websocket import Inbox
from tests.support.fake import FakeServer
from tests.support.speed import HANG_S

GRAPH = {"9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}, "_meta": {"title": "Poster"}}}


def png(colour: tuple[int, ...] = (200, 30, 60), mode: str = "RGB", size: int = 8, graph: bool = True) -> bytes:
    buffer = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    if graph:
        info.add_text("prompt", json.dumps(GRAPH))
    Image.new(mode, (size, size), colour).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def outputs_of(*files: dict[str, str]) -> JobOutputs:
    return collect({"9": {"images": list(files)}}, GRAPH, {"9": "result"})


def save(server: FakeServer, outputs: JobOutputs, target: Path, abort: Abort | None = None) -> SavedJob:
    return save_job(ComfyClient(server.url), outputs, target, graph=GRAPH, sidecar={}, abort=abort or Abort())


# a server cannot choose where we write


ESCAPES = [
    "../../evil.png", "/etc/evil.png", "C:\\Windows\\evil.png", "..\\..\\evil.png", "//host/share/evil.png",
    "a/b/evil.png",
    "evil.png\x00.txt", "\nevil.png", "con.png", "~/evil.png", "....//evil.png", "evil.png/",
]  # fmt: skip


@pytest.mark.parametrize("filename", ESCAPES)
@pytest.mark.parametrize("subfolder", ["", "../..", "/etc", "C:\\"])
def test_names_from_the_server_never_decide_where_a_file_goes(tmp_path: Path, filename: str, subfolder: str) -> None:
    inside = tmp_path / "deep" / "out"
    with FakeServer(lambda _: (200, png())) as server:
        saved = save(server, outputs_of({"filename": filename, "subfolder": subfolder, "type": "output"}), inside / "r")
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {inside}
    assert saved.files[0].path.name in ("r.png", "r.bin", "r.txt")


@given(st.text(max_size=40))
def test_any_extension_from_a_server_is_harmless(name: str) -> None:
    suffix = naming.safe_suffix(name)
    assert suffix.startswith(".")
    assert not set(suffix[1:]) - set("abcdefghijklmnopqrstuvwxyz0123456789")


@given(st.text(max_size=200))
def test_any_text_becomes_one_harmless_path_component(text: str) -> None:
    name = naming.safe_name(text)
    assert name not in ("", ".", "..")
    assert Path(name).name == name
    assert not set('/\\:*?"<>|\0\n') & set(name)


@given(st.text(max_size=60), st.text(max_size=30))
def test_a_template_stays_below_its_folder_or_is_refused(template: str, value: str) -> None:
    try:
        naming.check_template(template)
    except UsageError:
        return
    path = naming.expand(template, dict.fromkeys(naming.PLACEHOLDERS, value))
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert path.name


@pytest.mark.parametrize(
    "spec", ["d", "1000", "999999999", ">1000000000", ".99999", "{index}", "x", "%d", "=5", ",", "e"]
)
def test_a_format_that_no_name_has_is_refused(spec: str) -> None:
    """One was a fault of ours after the upload; another filled a gigabyte with blanks."""
    with pytest.raises(UsageError, match="no format"):
        naming.check_template(f"{{seed:{spec}}}")


@pytest.mark.parametrize("spec", [">03", "05", "<8", "*^20", ".3", "s", ""])
def test_a_format_of_a_text_is_taken(spec: str) -> None:
    naming.check_template(f"{{index:{spec}}}")
    assert naming.expand(f"{{index:{spec}}}", dict.fromkeys(naming.PLACEHOLDERS, "7")).name


def test_names_of_several_files() -> None:
    def named(stem: str, *files: tuple[str, ...]) -> list[str]:
        return naming.distinct_names(stem, [naming.ResultFile(*file) for file in files])

    assert named("a", ("shot", ".png"), ("shot", ".jpg"), ("data", ".json")) == ["a.png", "a.jpg", "a_data.json"]
    assert named("same", ("small", ".png"), ("inv", ".png")) == ["same_small.png", "same_inv.png"]
    assert named("a", ("shot", ".png"), ("shot", ".png", "mask")) == ["a.png", "a_mask.png"]
    assert named("a", ("x", ".png"), ("x", ".png"), ("x", ".jpg")) == ["a_01.png", "a_02.png", "a.jpg"]
    assert named("a", ("x", ".png"), ("X", ".png")) == ["a_x_01.png", "a_X_02.png"]
    assert named("a", ("x", ".png"), ("01", ".png"), ("x", ".png")) == ["a_x_01.png", "a_01.png", "a_x_02.png"]


ANY_FILE = st.builds(
    naming.ResultFile,
    st.text(max_size=9),
    st.sampled_from([".png", ".jpg", ".json"]),
    st.sampled_from(["", "mask", "01_shoe", "01"]),
)


@given(st.lists(ANY_FILE, max_size=7), st.sampled_from(["a", "objects"]))
def test_no_two_files_of_a_job_share_a_name(files: list[naming.ResultFile], stem: str) -> None:
    names = [name.casefold() for name in naming.distinct_names(stem, files)]
    assert len(set(names)) == len(names) and f"{stem}.json" not in names


@given(st.text(max_size=300), st.text(max_size=80), st.text(max_size=40), st.none() | st.integers(0, 2**64))
def test_a_default_name_tells_all_there_is(photo: str, workflow: str, channel: str, seed: int | None) -> None:
    path = naming.default_name(workflow, photo=photo, channel=channel, seed=seed, moment=0.0)
    assert len(path.parts) == 1 and len(path.name.encode()) <= naming.MOST_BYTES and not naming.leads_out(path.name)
    assert seed is None or path.name.endswith(f"_seed{seed}")


def test_default_names() -> None:
    at = 1_000_000_000.0
    assert naming.default_name("packshot", photo="red bag", moment=at).name == "red bag_packshot"
    assert naming.default_name("packshot", photo="bag", channel="amazon", moment=at).name == "bag_packshot_amazon"
    assert naming.default_name("grip", photo="bag", seed=7, moment=at).name == "bag_grip_seed7"
    early, late = (naming.default_name("explore", seed=7, moment=at + day * 86400).name for day in (0, 40))
    assert early < late and re.fullmatch(r"\d{8}-\d{6}_explore_seed7", early)


# downloads


def test_a_download_that_breaks_off_is_repeated(tmp_path: Path) -> None:
    data = png(size=64)
    attempts: list[int] = []

    def raw(connection: Any) -> None:
        attempts.append(1)
        body = data if len(attempts) > 1 else data[:40]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(data) + body)

    with FakeServer(raw=raw) as server:
        saved = save(server, outputs_of({"filename": "a.png"}), tmp_path / "r")
    assert len(attempts) == 2
    assert saved.files[0].path.read_bytes() == data


def test_a_download_that_breaks_off_every_time_leaves_nothing(tmp_path: Path) -> None:
    def raw(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\nabc")

    with FakeServer(raw=raw) as server, pytest.raises(NoAnswerError):
        save(server, outputs_of({"filename": "a.png"}), tmp_path / "r")
    assert list(tmp_path.iterdir()) == []


def test_a_listed_file_the_server_does_not_have_names_its_node(tmp_path: Path) -> None:
    with FakeServer(lambda _: (404, b"")) as server, pytest.raises(FilesMissingError) as missing:
        save(server, outputs_of({"filename": "gone.png"}), tmp_path / "r")
    assert missing.value.nodes == ("9",)
    assert list(tmp_path.iterdir()) == []


def test_saving_can_be_called_off_in_the_middle(tmp_path: Path) -> None:
    abort, begun = Abort(), threading.Event()

    def raw(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n")
        while not abort._event.is_set():
            connection.sendall(b"x" * 300_000)
            begun.set()

    with FakeServer(raw=raw) as server:
        threading.Thread(target=lambda: (begun.wait(), abort.set())).start()
        with pytest.raises(AbortedError):
            save(server, outputs_of({"filename": "a.png"}), tmp_path / "r", abort)
    assert list(tmp_path.iterdir()) == []


def test_two_runs_into_one_folder_never_take_the_same_name(tmp_path: Path) -> None:
    with FakeServer(lambda _: (200, png())) as server:
        outputs = outputs_of({"filename": "a.png"})
        threads = [threading.Thread(target=save, args=(server, outputs, tmp_path / "r")) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 12
    assert sum(name.endswith(".png") for name in names) == 6
    for path in tmp_path.glob("*.json"):
        assert json.loads(path.read_text())["files"][0]["file"] == path.with_suffix(".png").name


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a full disk: only root may mount a small file system (run as root, or in a container)")
    yield folder
    subprocess.run(["umount", str(folder)], check=False)


def test_a_full_disk_is_said_plainly_and_leaves_nothing(small_disk: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    with FakeServer(lambda _: (200, buffer.getvalue())) as server, pytest.raises(NotSavedError) as failure:
        save(server, outputs_of({"filename": "a.png"}), small_disk / "r")
    assert "No space left" in str(failure.value)
    assert "a.png" in str(failure.value)  # where the result still is
    assert list(small_disk.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with FakeServer(lambda _: (200, png())) as server, pytest.raises(NotSavedError, match=r"a\.png"):
        save(server, outputs_of({"filename": "a.png"}), tmp_path / "file" / "r")


def test_a_png_without_its_graph_gets_it_and_keeps_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(graph=False))
    before = np.asarray(Image.open(path)).copy()
    assert not png_has_graph(path)
    add_graph_to_png(path, GRAPH)
    assert png_has_graph(path)
    with Image.open(path) as picture:
        picture.load()
        assert json.loads(picture.text["prompt"]) == GRAPH  # type: ignore[attr-defined]  # a PNG has it
        assert (np.asarray(picture) == before).all()
    data = path.read_bytes()
    length, kind = struct.unpack(">I4s", data[33:41])
    assert kind == b"tEXt"
    assert struct.unpack(">I", data[41 + length : 45 + length])[0] == zlib.crc32(data[37 : 41 + length])


def test_a_saved_png_is_left_as_the_server_made_it(tmp_path: Path) -> None:
    data = png()
    with FakeServer(lambda _: (200, data)) as server:
        saved = save(server, outputs_of({"filename": "a.png"}), tmp_path / "r")
    assert saved.files[0].path.read_bytes() == data


# which files count


def test_files_titled_as_outputs_come_first_and_alone() -> None:
    outputs = {
        "1": {"images": [{"filename": "p.png", "type": "temp"}]},
        "2": {"gifs": [{"filename": "a.gif", "type": "output", "subfolder": "x"}], "text": ["said"]},
        "3": {"images": [None, "text", {"no": "name"}, {"filename": ""}], "animated": [True]},
    }
    graph = {key: {"class_type": f"Node{key}", "inputs": {}} for key in outputs}
    titled = collect(outputs, graph, {"1": "preview"})
    assert [(item.output, item.file.filename) for item in titled.files] == [("preview", "p.png")]
    untitled = collect(outputs, graph, {})
    assert [item.file.filename for item in untitled.files] == ["a.gif"]
    assert untitled.reports == {"Node2": "said"}
    only_temp = collect({"1": outputs["1"]}, graph, {})
    assert [item.file.filename for item in only_temp.files] == ["p.png"]


def test_checks_that_did_not_pass_are_told_in_words() -> None:
    reports = {
        "Fidelity": {"passed": False, "reasons": ["hue off by 9°"]},
        "Export": [
            {"title": "Amazon", "passed": False, "reasons": ["border: grey"], "rules": ["FAIL  border: grey"]},
            {"passed": True},
        ],
        "Other": {"passed": False},
        "Text": "said",
        "Product": {"passed": False, "reasons": ["not found: nothing"], "verdict": "not found", "found_from": 0.5},
        "Likeness": {"passed": False, "reasons": ["changed"], "verdict": "not found"},
    }
    assert failed_checks(reports) == [
        "Fidelity: hue off by 9°",
        "Amazon: border: grey",
        "Other: no reason given",
        "Likeness: changed",
    ]


def test_models_of_a_graph_carry_the_hashes_the_manifest_knows() -> None:
    known = next(model for model in load_manifest().models if model.sha256)
    graph = {
        "4": {"class_type": "Loader", "inputs": {"name": f"folder/{known.file.rpartition('/')[2]}", "strength": 1.0}},
        "5": {"class_type": "Loader", "inputs": {"name": "of my own.safetensors", "model": ["4", 0]}},
    }
    assert [(model["node"], model["input"], model["sha256"]) for model in models_of(graph)] == [
        ("4", "name", known.sha256),
        ("5", "name", None),
    ]


def test_a_network_that_a_node_chose_is_among_the_models() -> None:
    """Nothing in the graph names it: its report does."""
    graph = {"4": {"class_type": "ProdgenSegmentProduct", "inputs": {"method": "auto"}}}
    said = [{"confidence": 1.0, "model": "isnet_fp16.onnx"}, {"model": "isnet_fp16.onnx"}, {"model": 7}]
    reports = [
        NodeReport("4", "Cut-out", said),
        NodeReport("5", "Text", "model"),
        NodeReport("6", "Own", {"model": "x"}),
    ]
    (used,) = models_used([], reports, graph)
    known = load_manifest().find_file("isnet_fp16.onnx")
    assert known is not None
    assert (used["file"], used["node"], used["class"]) == ("isnet_fp16.onnx", "4", "ProdgenSegmentProduct")
    assert used["sha256"] == known.sha256
    assert used["licence"] == known.licence
    assert models_used([used], reports, graph) == [used]


def test_reports_are_read_as_json_where_they_are() -> None:
    outputs = {"1": {"text": ['{"a": 1}']}, "2": {"text": ["plain", "12"]}}
    graph = {"1": {"class_type": "A", "inputs": {}}, "2": {"class_type": "A", "inputs": {}}}
    assert collect(outputs, graph, {}).reports == {"A": {"a": 1}, "A (node 2)": ["plain", "12"]}


def test_a_second_file_of_a_node_keeps_what_the_node_calls_it() -> None:
    assert naming.part_of_output("cutout_3240607b_00001_mask.png") == "mask"
    assert naming.part_of_output("cutout_3240607b_00001_.png") == ""
    assert naming.part_of_output("00001_../../x.png") == ""
    files = [naming.ResultFile("cutout", ".png"), naming.ResultFile("cutout", ".png", "mask")]
    assert naming.distinct_names("a", files) == ["a.png", "a_mask.png"]


@pytest.mark.parametrize(
    "text",
    [
        "tensor([[[[0.1, 0.2]]]])", "[tensor([[1., 2.]])]", "{'samples': tensor([[[0.]]], device='cuda:0')}",
        "<comfy.sd.VAE object at 0x7f12ab>", "array([1, 2])",
    ],
)  # fmt: skip
def test_what_python_prints_of_an_object_is_no_report(text: str) -> None:
    graph = {"1": {"class_type": "PreviewAny", "inputs": {}}}
    assert collect({"1": {"text": [text]}}, graph, {}).reports == {}
    assert collect({"1": {"text": ["a tensor (of words)"]}}, graph, {}).reports == {"PreviewAny": "a tensor (of words)"}


# nothing that a server says loses a finished picture


ODD_REPORTS = [
    {"passed": False, "failed": True},
    {"passed": False, "reasons": 7},
    {"passed": False, "reasons": {"a": 1}},
    {"passed": False, "reasons": [None, {"x": [1]}]},
    {"passed": False, "rules": True},
    {"passed": True, "ssim": float("nan"), "delta": float("-inf")},
    {"passed": "no", "title": ["x"]},
    {"text": "\ud800 half"},
]


@pytest.mark.parametrize("report", ODD_REPORTS)
def test_any_report_is_saved_beside_its_picture(tmp_path: Path, report: dict[str, Any]) -> None:
    listed = {"images": [{"filename": "x.png"}], "text": [json.dumps(report)]}
    with FakeServer(lambda _: (200, png())) as server:
        saved = save(server, collect({"9": listed}, GRAPH, {"9": "result"}), tmp_path / "r")
    text = saved.sidecar.read_text(encoding="utf-8")
    record = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert "Poster" in record["reports"]
    assert bool(saved.warnings) == (report.get("passed") is False or "ssim" in report)


def test_a_file_name_that_is_no_text_loses_nothing(tmp_path: Path) -> None:
    listed = {"filename": "caf\udce9_\ud800.png", "subfolder": "\udcff", "type": "output"}
    with FakeServer(lambda _: (200, png())) as server:
        saved = save(server, outputs_of(listed), tmp_path / "r")
    assert [file.path.name for file in saved.files] == ["r.png"]


@pytest.mark.parametrize("letter", ["a", "é", "漢", "🧶"])
def test_the_longest_names_have_room_for_what_is_added_while_saving(tmp_path: Path, letter: str) -> None:
    wanted = {"8": letter * 90, "9": letter * 91}
    files = {node: {"images": [{"filename": "x.png"}, {"filename": "y.png"}]} for node in wanted}
    target = tmp_path / naming.safe_name(letter * 300)
    with FakeServer(lambda _: (200, png())) as server:
        for _ in range(2):
            saved = save(server, collect(files, {**GRAPH, "8": GRAPH["9"]}, wanted), target)
    assert len(saved.files) == 2
    assert len(list(tmp_path.iterdir())) == 2 * 3


@given(st.text(st.characters(codec=None, exclude_categories=[]), max_size=300))
def test_any_name_fits_a_file_system_and_can_be_said(text: str) -> None:
    name = naming.safe_name(text)
    assert 0 < len(name.encode("utf-8")) <= naming.MOST_BYTES + 1
    assert not set(name) & set('/\\:*?"<>|\0\n')


class _Dying:
    """A source of files whose every use is a fault nobody thought of."""

    def open_file(self, _file: ServerFile) -> NoReturn:
        raise SystemExit("the thread's end")


def test_the_end_of_the_saving_thread_is_told_with_its_reason(tmp_path: Path) -> None:
    inbox: Inbox = queue.SimpleQueue()
    saver = Saver(_Dying(), tmp_path, inbox, {})
    saver.start()
    spec = JobSpec(1, "w", GRAPH, {"9": "result"}, Path("r"))
    saver.hand_over(Attempt(spec), JobRecord("id", JobStatus.COMPLETED, {"9": {"images": [{"filename": "x.png"}]}}))
    told = inbox.get(timeout=HANG_S)
    assert isinstance(told, SaverDied)
    assert "the thread's end" in told.reason
    saver.join(HANG_S)


@pytest.mark.parametrize("outputs", [{"9": {"text": ["[" * 1000 + "]" * 1000]}}, {"9": 7}, {"9": {"images": "x"}}])
def test_whatever_a_job_lists_ends_with_an_answer(tmp_path: Path, outputs: dict[str, Any]) -> None:
    """A fault before the first download ended the thread, and the run waited for ever."""
    inbox: Inbox = queue.SimpleQueue()
    with FakeServer(lambda _: (404, b"")) as server:
        saver = Saver(ComfyClient(server.url), tmp_path, inbox, {})
        saver.start()
        graph = {"9": {"class_type": "SaveImage", "inputs": {}, "_meta": "text"}}
        saver.hand_over(Attempt(JobSpec(1, "w", graph, {}, Path("r"))), JobRecord("id", JobStatus.COMPLETED, outputs))
        assert isinstance(inbox.get(timeout=HANG_S), SaveEnded)
        saver.stop()
        saver.join(HANG_S)
