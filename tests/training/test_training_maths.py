"""Masked loss, schedule, draws and files of a training, on plain tensors."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.errors import ParameterError, ShapeError
from prodgen_nodes.training.files import Places, identity, read_weights, write_weights
from prodgen_nodes.training.masked import LOSSES, BatchLoss, latent_mask, masked_loss, min_snr_weights
from prodgen_nodes.training.progress import Progress
from prodgen_nodes.training.schedule import SCHEDULES, draw_seed, rate_factor


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    loss=st.sampled_from(sorted(LOSSES)),
    frames=st.sampled_from([(), (1,), (3,)]),
    area=st.floats(0.05, 0.95),
)
def test_the_gradient_outside_the_mask_is_exactly_zero(
    seed: int, loss: str, frames: tuple[int, ...], area: float
) -> None:
    found = drawn(seed, 2, 4, *frames, 6, 5).requires_grad_(True)
    masks = (torch.rand(2, 6, 5, generator=torch.Generator().manual_seed(seed)) < area).float()
    masked_loss(found, drawn(seed + 1, *found.shape), masks, torch.tensor([0.5, 2.0]), loss).backward()
    assert found.grad is not None
    outside = (masks == 0).reshape(2, 1, *(1,) * len(frames), 6, 5).expand_as(found)
    assert torch.all(found.grad[outside] == 0)
    assert torch.all(found.grad[~outside] != 0)


def test_what_is_no_number_outside_the_mask_reaches_neither_loss_nor_gradient() -> None:
    found = drawn(1, 1, 2, 4, 4)
    found[..., 0] = float("inf")
    found.requires_grad_(True)
    mask = torch.ones(1, 4, 4)
    mask[..., 0] = 0
    loss = masked_loss(found, drawn(2, 1, 2, 4, 4), mask)
    assert torch.isfinite(loss)


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_without_a_mask_it_is_the_loss_of_torch(loss: str) -> None:
    ours = masked_loss(drawn(1, 3, 4, 5, 5), drawn(2, 3, 4, 5, 5), None, loss=loss)
    theirs = getattr(torch.nn, f"{loss}Loss")()(drawn(1, 3, 4, 5, 5), drawn(2, 3, 4, 5, 5))
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    whole = masked_loss(drawn(1, 3, 4, 5, 5), drawn(2, 3, 4, 5, 5), torch.ones(3, 5, 5), loss=loss)
    assert float(whole) == pytest.approx(float(theirs), rel=1e-5)


def test_a_small_product_teaches_as_much_as_a_large_one() -> None:
    wanted = torch.zeros(1, 1, 8, 8)
    small, large = torch.zeros(1, 8, 8), torch.ones(1, 8, 8)
    small[:, :2, :2] = 1
    found = torch.ones(1, 1, 8, 8)
    assert float(masked_loss(found, wanted, small)) == pytest.approx(float(masked_loss(found, wanted, large)))


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(ShapeError, match="masks"):
        masked_loss(torch.zeros(2, 4, 8, 8), torch.zeros(2, 4, 8, 8), torch.ones(2, 4, 4))


def test_the_masks_of_the_batch_are_those_that_were_named() -> None:
    masks = [torch.zeros(2, 2), torch.ones(2, 2)]
    loss = BatchLoss(masks)
    loss.now([1])
    assert float(loss(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))) == 1
    loss.now([0])
    assert float(loss(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))) == 0


def test_a_mask_in_latents_is_its_share_of_each_cell() -> None:
    mask = torch.zeros(32, 32)
    mask[:16, :8] = 1
    mask[31, 31] = 1
    small = latent_mask(mask, 2, 2)
    assert small.tolist() == [[0.5, 0.0], [0.0, 0.0]]


def test_min_snr() -> None:
    weights = min_snr_weights(torch.tensor([0.1, 0.5, 2.0]), 5.0)
    assert weights is not None and weights.tolist() == pytest.approx([5.0, 4.0, 0.25])
    assert min_snr_weights(torch.tensor([1.0]), 0.0) is None


@given(
    steps=st.integers(1, 400),
    schedule=st.sampled_from(SCHEDULES),
    warmup=st.floats(0, 0.9),
    cycles=st.integers(1, 5),
)
def test_a_rate_is_never_outside_0_to_1_and_the_first_step_learns(
    steps: int, schedule: str, warmup: float, cycles: int
) -> None:
    rates = [rate_factor(step, steps, schedule, warmup, cycles) for step in range(steps)]
    assert all(0 <= rate <= 1 for rate in rates) and rates[0] > 0
    rising = round(steps * warmup)
    assert all(a < b for a, b in itertools.pairwise(rates[:rising]))
    if schedule == "cosine":
        assert all(a >= b for a, b in itertools.pairwise(rates[rising:]))


def test_the_cosine_ends_at_nothing_and_restarts_are_as_many_as_asked() -> None:
    assert rate_factor(999, 1000, "cosine") < 1e-5 and rate_factor(500, 1000, "cosine") == pytest.approx(0.5)
    rates = [rate_factor(step, 300, "cosine_with_restarts", 0.0, 3) for step in range(300)]
    assert sum(b > a for a, b in itertools.pairwise(rates)) == 2
    with pytest.raises(ParameterError):
        rate_factor(0, 10, "linear")


@given(st.lists(st.tuples(st.integers(0, 2**48), st.integers(-1, 100_000)), min_size=2, max_size=20, unique=True))
def test_every_step_of_every_seed_draws_its_own(pairs: list[tuple[int, int]]) -> None:
    seeds = [draw_seed(seed, step) for seed, step in pairs]
    assert len(set(seeds)) == len(seeds) and all(0 <= seed < 2**63 for seed in seeds)


def test_a_file_is_the_same_bytes_and_safetensors_reads_it(tmp_path: Path) -> None:
    tensors = {"b.lora_up.weight": drawn(1, 4, 2), "a.alpha": torch.tensor(8.0), "c": drawn(2, 3).bfloat16()}
    metadata = {f"key{number}": "ü" * number for number in range(9)}
    write_weights(tmp_path / "one", tensors, metadata)
    write_weights(tmp_path / "two", dict(reversed(tensors.items())), dict(reversed(metadata.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    safetensors = pytest.importorskip("safetensors.torch")
    for read, said in (read_weights(tmp_path / "one"), (safetensors.load_file(tmp_path / "one"), metadata)):
        assert said == metadata and set(read) == set(tensors)
        assert all(torch.equal(read[name], tensors[name]) for name in tensors)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop])
def test_training_that_goes_on_ends_where_it_would_have(tmp_path: Path, optimizer: type[torch.optim.Optimizer]) -> None:
    def made() -> tuple[dict[str, torch.Tensor], torch.optim.Optimizer]:
        weights = {"up": torch.nn.Parameter(drawn(1, 3, 2)), "down": torch.nn.Parameter(drawn(2, 2, 3))}
        return weights, optimizer(weights.values(), lr=0.1)  # type: ignore[call-arg]

    def trained(weights: dict[str, torch.Tensor], steps: torch.optim.Optimizer, first: int, last: int) -> None:
        for step in range(first, last):
            (weights["up"] @ weights["down"] - drawn(step, 3, 3)).pow(2).sum().backward()
            steps.step()
            steps.zero_grad()

    whole, at_once = made()
    trained(whole, at_once, 0, 7)
    weights, first = made()
    trained(weights, first, 0, 3)
    Progress.of(3, [1.0, 0.5], weights, first).save(tmp_path / "state", "me")
    later, second = made()
    with torch.inference_mode():  # as ComfyUI runs a node
        found = Progress.load(tmp_path / "state", "me")
    assert found is not None and found.step == 3 and found.losses == [1.0, 0.5]
    found.put_into(later, second)
    trained(later, second, 3, 7)
    assert all(torch.equal(later[name], whole[name]) for name in whole)
    assert Progress.load(tmp_path / "state", "another") is None
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-20])
    assert Progress.load(tmp_path / "state", "me") is None
    assert Progress.load(tmp_path / "missing", "me") is None


def test_another_picture_mask_caption_or_setting_is_another_training() -> None:
    def of(settings: dict[str, int], tensor: torch.Tensor, text: str) -> str:
        return identity(settings, [tensor], [text])

    picture = drawn(1, 1, 4, 4, 3)
    other = picture.clone()
    other[0, 0, 0, 0] += 0.01
    first = of({"a": 1}, picture, "x")
    assert first == of({"a": 1}, picture.clone(), "x")
    assert len({first, of({"a": 2}, picture, "x"), of({"a": 1}, other, "x"), of({"a": 1}, picture, "y")}) == 4


def test_checkpoints_are_found_by_their_own_training_alone(tmp_path: Path) -> None:
    places = Places(tmp_path, tmp_path, "bag", "0123456789abcdef")
    other = Places(tmp_path, tmp_path, "bag", "fedcba9876543210")
    for place, step in ((places, 5), (places, 100), (other, 7)):
        write_weights(place.checkpoint(step), {"a": torch.zeros(1)}, {})
    assert list(places.checkpoints()) == [5, 100] and list(other.checkpoints()) == [7]
    name = places.checkpoint(5).name
    assert int(name.split("_steps_")[0].rsplit("_", 1)[-1]) == 5, "core's trainer could not go on from it"
    for bad in ("", "../x", "a_steps_b"):
        with pytest.raises(ParameterError):
            Places(tmp_path, tmp_path, bad, "0")
