"""Several servers that are not alike: a job goes where it can run, where it fits into memory, where it ends soonest."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.batch.entries import Incompatibility
from runner.batch.ledger import Ledger
from runner.batch.plan import BatchJob
from runner.batch.store import LEDGER_FILE
from runner.batch.throughput import Throughput
from runner.local_server.process import Installation
from tests.runner.test_batch import batch, results, write
from tests.support.comfy import ComfyServer
from tests.support.proxy import Proxy, slowly
from tests.support.runs import Desk, Graph, node

NODES = '''
"""Nodes for tests: one that uses a model by name, one that needs memory the machine may not have."""
from pathlib import Path
import folder_paths
import torch

HERE = Path(__file__).resolve().parent

class Named:
    @classmethod
    def INPUT_TYPES(cls):
        models = folder_paths.get_filename_list("checkpoints")
        return {"required": {"image": ("IMAGE",), "model": (models,), "gigabytes": ("INT", {"default": 0, "max": 999})}}
    RETURN_TYPES, FUNCTION, CATEGORY = ("IMAGE",), "run", "test"

    def run(self, image, model, gigabytes):
        with (HERE / "ran.txt").open("a") as log:
            log.write(f"{gigabytes}\\n")
        if gigabytes > int((HERE / "memory.txt").read_text()):
            raise torch.OutOfMemoryError("Allocation on device 0 would exceed allowed memory.")
        return (image,)

NODE_CLASS_MAPPINGS = {"TestNamed": Named}
'''


@dataclass
class Machine:
    """A server with the test's nodes, the models it is said to have, and so many gigabytes."""

    server: ComfyServer
    folder: Path

    def set(self, gigabytes: int) -> None:
        (self.folder / "memory.txt").write_text(str(gigabytes))
        (self.folder / "ran.txt").write_text("")

    @property
    def tried(self) -> list[str]:
        return (self.folder / "ran.txt").read_text().split()


def machine(installation: Installation, base: Path, *models: str) -> Machine:
    server = ComfyServer(installation, base)
    folder = base / "custom_nodes" / "test_nodes"
    folder.mkdir()
    (folder / "__init__.py").write_text(NODES)
    (server.models_dir / "checkpoints").mkdir()
    for name in models:
        (server.models_dir / "checkpoints" / name).write_bytes(b"x")
    server.arguments = ["--whitelist-custom-nodes", "test_nodes"]
    made = Machine(server, folder)
    made.set(999)
    return made


@pytest.fixture(scope="module")
def machines(
    comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Machine, Machine]]:
    both = (
        machine(comfy_installation, tmp_path_factory.mktemp("one"), "both.safetensors", "one.safetensors"),
        machine(comfy_installation, tmp_path_factory.mktemp("two"), "both.safetensors", "two.safetensors"),
    )
    with ThreadPoolExecutor(1) as starter:  # a server ends with the thread that started it
        for one in both:
            starter.submit(one.server.start).result()
        yield both
        for one in both:
            one.server.kill()


@pytest.fixture
def one(machines: tuple[Machine, Machine]) -> Machine:
    machines[0].set(999)
    return machines[0]


@pytest.fixture
def two(machines: tuple[Machine, Machine]) -> Machine:
    machines[1].set(999)
    return machines[1]


def named() -> Graph:
    return {
        "1": node("EmptyImage", "input: seed = color", width=32, height=32, batch_size=1, color=0),
        "2": node("TestNamed", image=["1", 0], model="both.safetensors", gigabytes=1),
        "3": node("SaveImage", "output: result", images=["2", 0], filename_prefix="named"),
    }


def table(desk: Desk, *records: dict[str, object]) -> Path:
    first = time.monotonic_ns() % 10**7
    lines = [json.dumps({"seeds": str(first + number), **record}) for number, record in enumerate(records)]
    return write(desk.folder / "jobs.jsonl", "\n".join(lines))


def servers_of(out: Path) -> dict[str, str]:
    with sqlite3.connect(out / LEDGER_FILE) as db:
        return dict(db.execute("SELECT stem, server FROM jobs"))


# nodes and models


def test_a_job_only_goes_where_its_nodes_and_models_are(
    one: Machine, two: Machine, comfy_server: ComfyServer, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, one.server.url)
    models = ["one", "both", "two"] * 4
    records = [{"name": f"{model}{number}", "2.model": f"{model}.safetensors"} for number, model in enumerate(models)]
    jobs = table(desk, *records, {"name": "lost", "2.model": "three.safetensors"})
    more = ("--server", two.server.url, "--server", comfy_server.url)
    run = batch(desk, named(), "--jobs", jobs, *more)
    assert run.code == 4, run.err
    assert len(results(desk.out)) == 12
    where = servers_of(desk.out)
    assert {where[f"one{number}"] for number in range(0, 12, 3)} == {one.server.url}
    assert {where[f"two{number}"] for number in range(2, 12, 3)} == {two.server.url}
    assert where["lost"] is None  # never sent anywhere
    assert f"{comfy_server.url} is left out" in run.err
    assert "TestNamed" in run.err
    with sqlite3.connect(desk.out / LEDGER_FILE) as db:
        why, code = db.execute("SELECT error, exit_code FROM jobs WHERE stem = 'lost'").fetchone()
        kept = db.execute("SELECT (SELECT COUNT(*) FROM places) + (SELECT COUNT(*) FROM unfit)").fetchone()
    assert code == 4
    for server in (one, two):
        assert f"{server.server.url}: " in why
    assert why.count("three.safetensors") >= 2
    assert kept == (0,)  # what was known of the servers is of this run alone


def test_without_any_server_that_can_nothing_is_begun(one: Machine, two: Machine, tmp_path: Path) -> None:
    desk = Desk(tmp_path, one.server.url)
    jobs = table(desk, {"name": "a", "2.model": "three.safetensors"}, {"name": "b", "2.model": "four.safetensors"})
    run = batch(desk, named(), "--jobs", jobs, "--server", two.server.url)
    assert run.code == 4
    for word in (one.server.url, two.server.url, "three.safetensors", "four.safetensors", "nothing was submitted"):
        assert word in run.err
    assert not desk.out.exists()


# memory


def test_what_does_not_fit_into_one_servers_memory_is_made_on_another(
    one: Machine, two: Machine, tmp_path: Path
) -> None:
    one.set(4)
    desk = Desk(tmp_path, one.server.url)
    sizes = [1] + [8] * 24
    jobs = table(desk, *({"name": f"job{number:02}", "2.gigabytes": size} for number, size in enumerate(sizes)))
    with Proxy(one.server.port) as proxy:
        desk.url = proxy.url
        run = batch(desk, named(), "--jobs", jobs, "--server", two.server.url)
        frees = proxy.count("POST", "/free")
    assert run.code == 0, run.err
    assert len(results(desk.out)) == 25
    where = servers_of(desk.out)
    assert {where[f"job{number:02}"] for number in range(1, 25)} == {two.server.url}
    tries = Counter(one.tried)["8"]
    assert tries >= 2
    assert tries == 2 * frees  # each job that came here: once, and once more after memory was freed
    assert run.err.count("another server tries") == frees
    assert Counter(two.tried)["8"] == 24
    with sqlite3.connect(desk.out / LEDGER_FILE) as db:
        done = db.execute("SELECT COUNT(*), COUNT(DISTINCT job) FROM changes WHERE state = 'done'").fetchone()
    assert done == (25, 25)


def test_what_fits_nowhere_fails_with_the_reason_of_every_server(one: Machine, two: Machine, tmp_path: Path) -> None:
    one.set(4)
    two.set(6)
    desk = Desk(tmp_path, one.server.url)
    jobs = table(desk, {"name": "small", "2.gigabytes": 1}, {"name": "huge", "2.gigabytes": 8})
    run = batch(desk, named(), "--jobs", jobs, "--server", two.server.url, "--json")
    assert run.code == 5, run.err
    assert results(desk.out) == ["small.png"]
    assert (Counter(one.tried)["8"], Counter(two.tried)["8"]) == (2, 2)
    (failed,) = run.of("failed")
    for word in (one.server.url, two.server.url, "exceed allowed memory"):
        assert word in failed["message"]
    again = batch(desk, named(), "--jobs", jobs, "--resume", "--json")  # with one of them only
    assert again.code == 5
    (failed,) = again.of("failed")
    assert "exceed allowed memory" in failed["message"]
    assert Counter(one.tried)["8"] in (3, 4)


# the ledger's part


def test_a_job_is_hopeless_only_when_no_worker_of_any_living_runner_can_run_it(tmp_path: Path) -> None:
    mine, other = Ledger(tmp_path), Ledger(tmp_path)
    for ledger, *workers in ((mine, "a", "b"), (other, "a")):  # both mean a machine of their own by `a`
        ledger.runners.beat()
        for worker in workers:
            ledger.runners.add_worker(worker)
    mine.add([BatchJob("", Path(f"{number}"), {"n": number}) for number in range(3)])
    mine.cannot_run("a", {1: Incompatibility("a", "no node", 4), 2: Incompatibility("a", "no model", 4)})
    assert [entry.id for entry in (mine.claim("a"),) if entry] == [3]
    assert mine.claim("a") is None
    mine.cannot_run("b", {1: Incompatibility("b", "no node", 4)})
    assert mine.claim_hopeless() == []  # the other runner has not looked
    other.cannot_run("a", {1: Incompatibility("a", "no node", 4)})
    ((entry, why),) = mine.claim_hopeless()
    assert entry.id == 1
    assert {(reason.worker, reason.exit_code) for reason in why} == {("a", 4), ("b", 4)}
    assert other.claim_hopeless() == []  # it is being failed already
    taken = mine.claim("b")
    assert taken is not None and taken.id == 2
    assert mine.pass_on(2, "b", Incompatibility("b", "memory", 5))  # the other runner may have it
    assert mine.claim("b") is None
    taken = other.claim("a")
    assert taken is not None and taken.id == 2
    assert not other.pass_on(2, "a", Incompatibility("a", "memory", 5))  # nobody is left: it stays with who has it
    assert 2 in other.held()
    other.leave()
    assert mine.waiting() == 1  # given back as it went …
    assert [entry.id for entry, _ in mine.claim_hopeless()] == [2]  # … and what it was good for counts no more
    for ledger in (mine, other):
        ledger.close()


def test_what_another_worker_would_finish_sooner_is_left_to_it_unless_it_cannot(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for worker in ("fast", "slow"):
        ledger.runners.add_worker(worker)
    ledger.add([BatchJob("", Path(f"{number}"), {"n": number}) for number in range(2)])
    assert ledger.claim("slow", unless=("fast",)) is None
    ledger.cannot_run("fast", {2: Incompatibility("fast", "no node", 4)})
    taken = ledger.claim("slow", unless=("fast",))
    assert taken is not None and taken.id == 2
    ledger.close()


def test_what_a_worker_was_sent_before_is_its_own_to_look_for_while_it_is_there(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for worker in ("a", "b"):
        ledger.runners.add_worker(worker)
    ledger.add([BatchJob("", Path(f"{number}"), {"n": number}) for number in range(3)])
    for _ in range(2):
        taken = ledger.claim("a")
        assert taken is not None
        ledger.submitted(taken.id, f"id{taken.id}", (), "a")
    ledger.give_back(note="its runner ended")
    taken = ledger.claim("b", others=("a",))
    assert taken is not None and taken.id == 3
    assert ledger.claim("b", others=("a",)) is None
    taken = ledger.claim("a", unless=("b",), others=("b",))  # however slow it is
    assert taken is not None and (taken.id, taken.prompt_id) == (1, "id1")
    assert ledger.pass_on(1, "a", Incompatibility("a", "memory", 5))
    taken = ledger.claim("b", others=("a",))  # it does not fit there: it is anybody's
    assert taken is not None and taken.id == 1
    taken = ledger.claim("b")  # `a` is gone: so is what it had
    assert taken is not None and taken.id == 2
    ledger.close()


def test_no_worker_ends_while_a_job_may_yet_come_to_it(tmp_path: Path) -> None:
    """One worker after the other gives its job back as not for it, while the other looks whether it is through."""
    ledger = Ledger(tmp_path)
    rounds = 60
    ledger.add([BatchJob("", Path(f"{number}"), {"n": number}) for number in range(rounds)])
    for worker in ("small", "large"):
        ledger.runners.add_worker(worker)
    turn, ended_early = threading.Barrier(2), []

    def small() -> None:
        for number in range(rounds):
            turn.wait()
            taken = ledger.claim("small")
            assert taken is not None
            turn.wait()
            time.sleep(number / 20_000)  # at any point of the other's looks
            assert ledger.pass_on(taken.id, "small", Incompatibility("small", "memory", 5))
            turn.wait()

    other = threading.Thread(target=small)
    with sqlite3.connect(tmp_path / LEDGER_FILE) as db:
        db.execute("UPDATE jobs SET state = 'done'")
    other.start()
    for number in range(1, rounds + 1):
        with sqlite3.connect(tmp_path / LEDGER_FILE) as db:
            db.execute("UPDATE jobs SET state = 'waiting' WHERE id = ?", (number,))
        turn.wait()
        turn.wait()
        entry, finished = None, False
        while entry is None and not finished:
            entry, finished = ledger.claim_or_end("large", (), (), ())
        if finished:
            ended_early.append(number)
        turn.wait()
        with sqlite3.connect(tmp_path / LEDGER_FILE) as db:
            db.execute("UPDATE jobs SET state = 'done', owner = NULL WHERE id = ?", (number,))
    other.join()
    assert ended_early == []
    ledger.close()


# throughput


@pytest.mark.slow
def test_near_the_end_a_slow_server_leaves_the_rest_to_the_fast_one(comfy_server: ComfyServer, tmp_path: Path) -> None:
    graph = named()
    graph["2"] = node("ImageInvert", image=["1", 0])
    with Proxy(comfy_server.port) as slow, Proxy(comfy_server.port) as fast:
        slow.fault = slowly(2.5)
        desk = Desk(tmp_path, slow.url)
        jobs = table(desk, *({"name": f"job{number:02}"} for number in range(60)))
        run = batch(desk, graph, "--jobs", jobs, "--server", fast.url)
    assert run.code == 0, run.err
    share = Counter(servers_of(desk.out).values())
    assert share[slow.url] + share[fast.url] == 60
    assert 1 <= share[slow.url] <= share[fast.url] / 8, share


def measured(**seconds: float) -> Throughput:
    throughput = Throughput()
    for name, value in seconds.items():
        throughput.opened(name)
        throughput.ended(name, value)
    return throughput


def test_who_should_take_the_next_job() -> None:
    throughput = measured(fast=1.0, slow=10.0)
    assert throughput.sooner("slow", 50) == ()  # there is plenty: everybody works
    assert throughput.sooner("slow", 9) == ("fast",)  # nine seconds there, ten here
    assert throughput.sooner("slow", 0) == ()
    assert throughput.sooner("fast", 1) == ()
    throughput.holds("fast", 12)
    assert throughput.sooner("slow", 1) == ()  # the fast one has enough to do
    throughput.holds("slow", 1)
    assert throughput.sooner("slow", 1) == ("fast",)  # but not for as long as two jobs would take here: a window of one
    throughput.closed("fast")
    assert throughput.sooner("slow", 1) == ()  # nobody else is there
    three = measured(fast=1.0, other=1.0, slow=10.0)
    assert three.sooner("slow", 15) == ("fast", "other")  # together they are through in eight seconds


def test_one_of_several_servers_is_tried_with_one_job_first() -> None:
    throughput = Throughput()
    throughput.opened("a")
    throughput.holds("a", 1)
    assert not throughput.untried("a")  # there is no other
    throughput.opened("b")
    assert throughput.untried("a")
    throughput.ended("a", 1.0)
    assert not throughput.untried("a")
