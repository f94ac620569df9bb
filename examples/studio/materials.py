"""What the products are made of: grained leather, metal, plastic, glass, paper, thread, canvas."""

from __future__ import annotations

import bpy


def linear(color: str) -> tuple[float, float, float, float]:
    """Linear RGBA of `#rrggbb`."""
    values = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue, 1.0


def _principled(name: str, color: str, roughness: float) -> tuple[bpy.types.Material, bpy.types.Node]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = linear(color)
    shader.inputs["Roughness"].default_value = roughness
    return material, shader


def _coordinates(material: bpy.types.Material) -> bpy.types.NodeSocket:
    return material.node_tree.nodes.new("ShaderNodeTexCoord").outputs["Object"]


def _noise(material: bpy.types.Material, scale: float, detail: float = 3.0) -> bpy.types.Node:
    node = material.node_tree.nodes.new("ShaderNodeTexNoise")
    node.inputs["Scale"].default_value, node.inputs["Detail"].default_value = scale, detail
    material.node_tree.links.new(_coordinates(material), node.inputs["Vector"])
    return node


def _vary(
    material: bpy.types.Material, source: bpy.types.NodeSocket, target: bpy.types.NodeSocket, low: float, high: float
) -> None:
    node = material.node_tree.nodes.new("ShaderNodeMapRange")
    node.inputs["To Min"].default_value, node.inputs["To Max"].default_value = low, high
    node.inputs["From Min"].default_value, node.inputs["From Max"].default_value = 0.3, 0.7
    material.node_tree.links.new(source, node.inputs["Value"])
    material.node_tree.links.new(node.outputs["Result"], target)


def _bump(
    material: bpy.types.Material, shader: bpy.types.Node, height: bpy.types.NodeSocket, strength: float, distance: float
) -> None:
    links, nodes = material.node_tree.links, material.node_tree.nodes
    bump = nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value, bump.inputs["Distance"].default_value = strength, distance
    links.new(height, bump.inputs["Height"])
    before = shader.inputs["Normal"].links
    if before:
        links.new(before[0].from_socket, bump.inputs["Normal"])
    links.new(bump.outputs["Normal"], shader.inputs["Normal"])


def leather(color: str, *, grain: float = 40.0, roughness: float = 0.45, depth: float = 0.35) -> bpy.types.Material:
    """Pebbled leather: soft cells, finer pores on them, tone and gloss that wander a little."""
    material, shader = _principled("leather", color, roughness)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    warp = _noise(material, 6.0)
    mixed = nodes.new("ShaderNodeMix")
    mixed.data_type, mixed.inputs["Factor"].default_value = "VECTOR", 0.06
    links.new(_coordinates(material), mixed.inputs[4])
    links.new(warp.outputs["Color"], mixed.inputs[5])
    cells = nodes.new("ShaderNodeTexVoronoi")
    cells.feature = "SMOOTH_F1"
    cells.inputs["Scale"].default_value, cells.inputs["Smoothness"].default_value = grain, 0.35
    links.new(mixed.outputs[1], cells.inputs["Vector"])
    invert = nodes.new("ShaderNodeMath")
    invert.operation, invert.inputs[0].default_value = "SUBTRACT", 1.0
    links.new(cells.outputs["Distance"], invert.inputs[1])
    _bump(material, shader, invert.outputs[0], depth, 0.02)
    _bump(material, shader, _noise(material, grain * 4, 4.0).outputs["Fac"], depth * 0.35, 0.006)
    _bump(material, shader, _noise(material, 1.6, 2.0).outputs["Fac"], 0.25, 0.05)
    _vary(material, _noise(material, 3.0).outputs["Fac"], shader.inputs["Roughness"], roughness * 0.85, roughness * 1.2)
    tone = nodes.new("ShaderNodeHueSaturation")
    tone.inputs["Color"].default_value = linear(color)
    _vary(material, _noise(material, 2.2).outputs["Fac"], tone.inputs["Value"], 0.9, 1.08)
    links.new(tone.outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Coat Weight"].default_value, shader.inputs["Coat Roughness"].default_value = 0.08, 0.35
    return material


def canvas(color: str) -> bpy.types.Material:
    """Woven cloth."""
    material, shader = _principled("canvas", color, 0.9)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    for direction in ("X", "Z"):
        wave = nodes.new("ShaderNodeTexWave")
        wave.bands_direction, wave.inputs["Scale"].default_value = direction, 22.0
        wave.inputs["Distortion"].default_value = 0.6
        links.new(_coordinates(material), wave.inputs["Vector"])
        _bump(material, shader, wave.outputs["Fac"], 0.3, 0.012)
    _bump(material, shader, _noise(material, 1.5, 2.0).outputs["Fac"], 0.4, 0.06)
    shader.inputs["Sheen Weight"].default_value = 0.2
    return material


def metal(color: str, roughness: float = 0.18) -> bpy.types.Material:
    material, shader = _principled("metal", color, roughness)
    shader.inputs["Metallic"].default_value = 1.0
    return material


def plastic(color: str, roughness: float = 0.3, coat: float = 0.0) -> bpy.types.Material:
    material, shader = _principled("plastic", color, roughness)
    shader.inputs["Coat Weight"].default_value, shader.inputs["Coat Roughness"].default_value = coat, 0.05
    shader.inputs["Subsurface Weight"].default_value = 0.0
    return material


def glass(color: str, roughness: float = 0.0, ior: float = 1.45) -> bpy.types.Material:
    material, shader = _principled("glass", color, roughness)
    shader.inputs["Transmission Weight"].default_value, shader.inputs["IOR"].default_value = 1.0, ior
    return material


def clear_glass(ior: float = 1.45) -> bpy.types.Material:
    """Colourless glass or water that lets light through to what it stands on, as real glass does."""
    material = glass("#ffffff", 0.0, ior)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    path, through, mix = (nodes.new(f"ShaderNode{kind}") for kind in ("LightPath", "BsdfTransparent", "MixShader"))
    through.inputs["Color"].default_value = (0.92, 0.94, 0.93, 1.0)
    links.new(path.outputs["Is Shadow Ray"], mix.inputs["Fac"])
    links.new(nodes["Principled BSDF"].outputs[0], mix.inputs[1])
    links.new(through.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], nodes["Material Output"].inputs["Surface"])
    return material


def thread(color: str) -> bpy.types.Material:
    material, shader = _principled("thread", color, 0.75)
    shader.inputs["Sheen Weight"].default_value = 0.3
    return material


def paper(color: str) -> bpy.types.Material:
    material, _ = _principled("paper", color, 0.6)
    return material


def backdrop(color: str, roughness: float = 0.85) -> bpy.types.Material:
    """Seamless paper: nearly matt, with the faint unevenness that real paper has."""
    material, shader = _principled("backdrop", color, roughness)
    shader.inputs["Specular IOR Level"].default_value = 0.2
    _bump(material, shader, _noise(material, 0.35, 1.0).outputs["Fac"], 0.04, 0.3)
    return material


def wood(color: str) -> bpy.types.Material:
    """Weathered boards that lie along y: every object its own tone and its own grain."""
    material, shader = _principled("wood", color, 0.6)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    which = nodes.new("ShaderNodeObjectInfo").outputs["Random"]
    apart = nodes.new("ShaderNodeVectorMath")
    apart.operation, apart.inputs["Scale"].default_value = "SCALE", 60.0
    links.new(which, apart.inputs[0])
    place = nodes.new("ShaderNodeMapping")
    place.inputs["Scale"].default_value = (1.0, 0.06, 1.0)
    links.new(_coordinates(material), place.inputs["Vector"])
    links.new(apart.outputs["Vector"], place.inputs["Location"])
    grains = []
    for scale, detail, distortion in ((4.0, 6.0, 1.2), (40.0, 5.0, 0.2)):
        grain = nodes.new("ShaderNodeTexNoise")
        grain.inputs["Scale"].default_value, grain.inputs["Detail"].default_value = scale, detail
        grain.inputs["Distortion"].default_value = distortion
        links.new(place.outputs["Vector"], grain.inputs["Vector"])
        grains.append(grain.outputs["Fac"])
    color_socket: bpy.types.NodeSocket | None = None
    for source, low, high in ((grains[0], 0.62, 1.3), (grains[1], 0.72, 1.2), (which, 0.78, 1.2)):
        tone = nodes.new("ShaderNodeHueSaturation")
        tone.inputs["Color"].default_value = linear(color)
        if color_socket is not None:
            links.new(color_socket, tone.inputs["Color"])
        _vary(material, source, tone.inputs["Value"], low, high)
        color_socket = tone.outputs["Color"]
    links.new(color_socket, shader.inputs["Base Color"])
    _vary(material, grains[1], shader.inputs["Roughness"], 0.5, 0.75)
    _bump(material, shader, grains[1], 0.35, 0.02)
    _bump(material, shader, grains[0], 0.3, 0.05)
    return material


def leaf(color: str) -> bpy.types.Material:
    material, shader = _principled("leaf", color, 0.45)
    shader.inputs["Subsurface Weight"].default_value = 0.0
    return material


def glow(color: str, strength: float) -> bpy.types.Material:
    """Shines in its own colour, whatever the light."""
    material, shader = _principled("glow", "#000000", 1.0)
    shader.inputs["Specular IOR Level"].default_value = 0.0
    shader.inputs["Emission Color"].default_value = linear(color)
    shader.inputs["Emission Strength"].default_value = strength
    return material


def out_of_focus_light(color: str, strength: float) -> bpy.types.Material:
    """Adds its light to what is behind it."""
    material = bpy.data.materials.new("light")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    shine, clear = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeBsdfTransparent")
    shine.inputs["Color"].default_value, shine.inputs["Strength"].default_value = linear(color), strength
    both, end = nodes.new("ShaderNodeAddShader"), nodes.new("ShaderNodeOutputMaterial")
    links.new(shine.outputs[0], both.inputs[0])
    links.new(clear.outputs[0], both.inputs[1])
    links.new(both.outputs[0], end.inputs[0])
    return material
