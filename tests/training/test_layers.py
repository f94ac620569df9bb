"""Which layers a LoRA adapts, by the names that ComfyUI gives them."""

from __future__ import annotations

import pytest
from prodgen_nodes.training.layers import adapted

UNET = {
    "diffusion_model.input_blocks.1.1.proj_in": True,
    "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q": True,
    "diffusion_model.input_blocks.1.1.transformer_blocks.0.ff.net.2": True,
    "diffusion_model.input_blocks.1.1.proj_out": True,
    "diffusion_model.input_blocks.1.0.in_layers.2": False,
    "diffusion_model.input_blocks.1.0.emb_layers.1": False,
    "diffusion_model.input_blocks.2.0.op": False,
    "diffusion_model.time_embed.0": False,
    "diffusion_model.out.2": False,
}
FLUX2 = {
    "diffusion_model.double_blocks.0.img_attn.qkv": True,
    "diffusion_model.double_blocks.0.txt_mlp.2": True,
    "diffusion_model.single_blocks.3.linear1": True,
    "diffusion_model.double_stream_modulation_img.lin": False,
    "diffusion_model.img_in": False,
    "diffusion_model.final_layer.linear": False,
    "diffusion_model.final_layer.adaLN_modulation.1": False,
}
QWEN = {
    "diffusion_model.transformer_blocks.0.attn.add_q_proj": True,
    "diffusion_model.transformer_blocks.0.img_mlp.net.2": True,
    "diffusion_model.transformer_blocks.0.img_mod.1": False,
    "diffusion_model.proj_out": False,
    "diffusion_model.norm_out.linear": False,
}


@pytest.mark.parametrize("network", [UNET, FLUX2, QWEN])
def test_attention_and_mlp_of_the_blocks_are_adapted_and_nothing_else(network: dict[str, bool]) -> None:
    assert adapted(network) == [name for name, is_adapted in network.items() if is_adapted]


def test_a_network_without_such_blocks_is_adapted_whole() -> None:
    names = ["diffusion_model.layers.0.weight", "diffusion_model.head"]
    assert adapted(names) == names
