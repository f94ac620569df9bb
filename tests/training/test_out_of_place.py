"""Networks that compute in place, trained as if they did not."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.training.out_of_place import augmented, out_of_place, rewritten
from torch import Tensor, nn

SCALE = 2.0


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.linear = nn.Linear(4, 4)

    def taught(self, x: Tensor) -> Tensor:
        found: Tensor = self.linear(self.norm(x))
        return found


class Block(Base):
    def forward(self, x: Tensor, factor: float = 1.0, *, times: int = 2) -> Tensor:
        count = 0
        for _ in range(times):
            x += self.linear(self.norm(x)) * factor
            x *= SCALE
            count += 1
        assert count == times
        return x


class Above(Block):
    def forward(self, x: Tensor, factor: float = 1.0, *, times: int = 2) -> Tensor:
        for _ in range(times):
            x += super().taught(x) * factor
            x *= SCALE
        x -= self.norm(x)
        return x


class Plain(Base):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.linear(self.norm(x))


def by_hand(block: Block, x: Tensor, times: int) -> Tensor:
    for _ in range(times):
        x = x + block.linear(block.norm(x))
        x = x * SCALE
    return x - block.norm(x) if isinstance(block, Above) else x


def gradients(value: Tensor, network: nn.Module) -> list[Tensor]:
    return [
        one
        for one in torch.autograd.grad((value**2).sum(), list(network.parameters()), allow_unused=True)
        if one is not None
    ]


@settings(max_examples=10, deadline=None)
@given(kind=st.sampled_from([Block, Above]), times=st.integers(1, 3), seed=st.integers(0, 99))
def test_gradients_are_those_of_the_sums_written_out(kind: type[Block], times: int, seed: int) -> None:
    torch.manual_seed(seed)
    block, given_x = kind().double(), torch.randn(2, 3, 4, dtype=torch.float64)
    wanted = by_hand(block, given_x.clone(), times)
    right = gradients(wanted, block)
    if times > 1:
        with pytest.raises(RuntimeError, match="inplace operation"):
            gradients(block(given_x.clone(), times=times), block)
    before = given_x.clone()
    with out_of_place(block):
        found = block(given_x, times=times)
        assert torch.equal(found, wanted) and torch.equal(given_x, before), "what it was given is not changed"
        for one, other in zip(gradients(found, block), right, strict=True):
            assert torch.allclose(one, other, rtol=1e-12)


def test_modules_are_left_as_they_were_found_after_an_error_too() -> None:
    one, two, three = Block(), Above(), Plain()
    kept = two.forward
    vars(two)["forward"] = kept  # as core leaves a module that it has trained
    with pytest.raises(KeyError), out_of_place(nn.ModuleList([one, two, three])):
        assert "forward" in vars(one) and two.forward != kept and "forward" not in vars(three)
        vars(one)["org_forward"] = one.forward
        raise KeyError
    assert not {"forward", "org_forward"} & set(vars(one))
    assert vars(two)["forward"] == kept


def test_a_forward_that_somebody_else_has_put_there_stays() -> None:
    block = Block()
    block.forward = functools.partial(by_hand, block, times=1)  # type: ignore[method-assign]
    with out_of_place(block):
        assert isinstance(block.forward, functools.partial)


def test_what_is_no_tensor_is_handled_as_it_was() -> None:
    kept = [1]
    assert augmented("add", kept, (2,)) is kept == [1, 2]
    half = torch.ones(2, dtype=torch.float16)
    assert augmented("mul", half, torch.ones(2)).dtype == torch.float16


def test_what_has_nothing_in_place_or_no_source_is_left_alone() -> None:
    assert rewritten(Plain.forward) is None and rewritten(len) is None
    names: dict[str, Any] = {}
    exec("def forward(self, x):\n    x += 1\n    return x", names)
    assert rewritten(names["forward"]) is None
