"""Which smoke models there are: file, folder and what each stands in for. Plain data, needs nothing installed."""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "prodgen_smoke_"


@dataclass(frozen=True)
class SmokeModel:
    """One file. `maker` is `module:function` in `runner.smoke`; it is called with `arguments`."""

    name: str
    folder: str
    suffix: str
    maker: str
    stands_for: str
    arguments: tuple[tuple[str, int], ...] = ()

    @property
    def file(self) -> str:
        return f"{PREFIX}{self.name}{self.suffix}"


def _lora(name: str, maker: str, seed: int, stands_for: str) -> SmokeModel:
    return SmokeModel(name, "loras", ".pth", f"lora:{maker}", stands_for, (("seed", seed),))


MODELS: tuple[SmokeModel, ...] = (
    SmokeModel("sdxl", "checkpoints", ".ckpt", "sdxl:checkpoint", "any SDXL checkpoint"),
    SmokeModel("sdxl_refiner", "checkpoints", ".ckpt", "sdxl_refiner:checkpoint", "the SDXL refiner"),
    SmokeModel("controlnet_union_sdxl", "controlnet", ".pth", "controlnet:union_sdxl", "ControlNet Union ProMax, SDXL"),
    SmokeModel("controlnet_tile_sdxl", "controlnet", ".pth", "controlnet:tile_sdxl", "a ControlNet for SDXL"),
    _lora("lora_sdxl_people", "sdxl_style", 31, "an SDXL LoRA of people"),
    _lora("lora_sdxl_hands", "sdxl_style", 32, "an SDXL LoRA of hands"),
    _lora("lora_sdxl_fast", "sdxl_speed", 33, "an SDXL LoRA for few steps"),
    SmokeModel("sd15", "checkpoints", ".ckpt", "sd15:checkpoint", "any SD 1.5 checkpoint"),
    SmokeModel("controlnet_sd15", "controlnet", ".pth", "controlnet:sd15_control", "a ControlNet for SD 1.5"),
    _lora("lora_sd15", "sd15_style", 34, "an SD 1.5 LoRA"),
    SmokeModel("upscaler_4x", "upscale_models", ".pth", "upscaler:nearest_4x", "an upscaler by four"),
    SmokeModel("birefnet", "background_removal", ".pth", "birefnet:dark_on_light", "BiRefNet"),
    SmokeModel("rt_detr", "diffusion_models", ".pth", "rtdetr:sees_people", "RT-DETR v4"),
    SmokeModel("sdpose", "checkpoints", ".ckpt", "sdpose:checkpoint", "SDPose"),
    SmokeModel("flux2_klein", "diffusion_models", ".pth", "flux:klein", "FLUX.2 klein"),
    SmokeModel("flux1", "diffusion_models", ".pth", "flux:flux1", "FLUX.1 dev and Kontext"),
    SmokeModel(
        "qwen35", "text_encoders", ".pth", "text_encoder:qwen35", "a model that reads pictures", (("seed", 41),)
    ),
    SmokeModel("clip_l", "text_encoders", ".pth", "flux:text_encoder", "the text encoder of the small Flux models"),
    SmokeModel("vae_flux2", "vae", ".pth", "kl_vae:flux2", "the VAE of FLUX.2"),
    SmokeModel("vae_flux1", "vae", ".pth", "tiny_vae:for_flux1", "the VAE of FLUX.1"),
    SmokeModel("vae_sdxl", "vae", ".pth", "tiny_vae:for_sdxl", "the VAE of SDXL"),
    SmokeModel("iclight_fc", "diffusion_models", ".pth", "iclight:offsets", "IC-Light FC", (("channels", 8),)),
    SmokeModel("iclight_fbc", "diffusion_models", ".pth", "iclight:offsets", "IC-Light FBC", (("channels", 12),)),
    SmokeModel("depth_anything_3", "geometry_estimation", ".pth", "depth:depth_anything_3", "Depth Anything 3"),
)


def named(file: str) -> SmokeModel | None:
    """The smoke model of this file name (folders before it do not count)."""
    base = file.replace("\\", "/").rsplit("/", 1)[-1]
    return next((model for model in MODELS if model.file == base), None)
