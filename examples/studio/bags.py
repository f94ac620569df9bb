"""Bags: handbag, tote, briefcase, shoulder bag, duffel. A builder returns all parts and which are the handle."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np

from . import geometry as g
from . import materials as m
from .product import Colors, Product
from .shell import Shell


def _flap(
    shell: Shell,
    product: Product,
    colors: Colors,
    material: bpy.types.Material,
    *,
    low_front: float,
    span: float = 0.985,
    round_by: float = 0.35,
    thickness: float = 0.05,
    overhang: float = 0.03,
) -> None:
    columns, rows = 72, 90
    low_back = shell.height - shell.crown - 0.15

    def lower(u: float) -> float:
        inner = 1 - round_by / (shell.width(shell.height * 0.7) / 2)
        past = max(0.0, (abs(u) - inner) / (1 - inner))
        return (
            low_front + round_by * (1 - math.sqrt(max(0.0, 1 - min(past, 1.0) ** 2))) - 0.06 * math.cos(u * math.pi / 2)
        )

    def at(u: float, t: float, lift: float) -> g.Points:
        return shell.over_the_top(u * (span + overhang * t), t, low_back, lower(u), lift)

    us = np.sin(np.linspace(-math.pi / 2, math.pi / 2, columns))
    grid = np.array([[at(u, t, thickness * 0.75) for u in us] for t in np.linspace(0, 1, rows)])
    product.add(g.sheet("flap", grid, material, thickness))
    inset = 0.075
    flat = shell.width(shell.height * 0.7) / 2
    edge = 1 - inset / flat
    path = [at(-edge, t, thickness * 1.28) for t in np.linspace(0.45, 0.9, 60)]
    low = [(u, 0.965) for u in np.linspace(-edge, edge, 140)]
    corner = [at(u, t, thickness * 1.28) for u, t in low]
    path += corner + [at(edge, t, thickness * 1.28) for t in np.linspace(0.9, 0.45, 60)]
    product.add(g.stitches("flap seam", np.array(path), m.thread(colors.thread)))


def _panel_outline(shell: Shell, top: float, inset: float = 0.0, lift: float = 0.0) -> g.Points:
    """Down the left edge of the front face, along its foot, up the right edge, with rounded corners."""
    low, radius = shell.foot * 0.9 + inset, 0.22
    width = shell.width(shell.height / 2) / 2
    edge = 1 - inset / width
    corners = [(-edge, top), (-edge, low), (edge, low), (edge, top)]
    path = g.smooth_profile([(u * width, z) for u, z in corners], radius, 10)
    dense = g.resample(np.array([(x, 0.0, z) for x, z in path]), 0.03)
    return np.array([shell.face(x / width, z) + np.array((0, -lift, 0)) for x, _, z in dense])


def _ring_mount(
    product: Product,
    colors: Colors,
    leather: bpy.types.Material,
    steel: bpy.types.Material,
    x: float,
    y: float,
    z: float,
    tip: float,
) -> None:
    """A leather tab on the face, a metal ring through it; `tip` leans the ring with the handle."""
    ring = g.ring("ring", np.array((x, y - 0.03, z)), 0.15, 0.028, steel, (math.pi / 2 - tip, 0, 0))
    product.add_handle(ring)
    line = np.array([(x, y - 0.03, z - 0.75 + t * 0.64) for t in np.linspace(0, 1, 20)])
    product.add(g.strap("tab", line, 0.3, 0.05, leather, np.array((1.0, 0, 0))))
    loop = np.array(
        [(x, y - 0.03 + 0.06 * math.cos(a), z - 0.13 + 0.055 * math.sin(a)) for a in np.linspace(-math.pi, math.pi, 24)]
    )
    product.add(g.strap("loop", loop, 0.24, 0.035, leather, np.array((1.0, 0, 0))))
    outline = [(x - 0.105, z - 0.2), (x - 0.105, z - 0.69), (x + 0.105, z - 0.69), (x + 0.105, z - 0.2)]
    seam = np.array([(px, y - 0.06, pz) for px, pz in outline])
    product.add(g.stitches("tab seam", seam, m.thread(colors.thread), length=0.06, gap=0.03, radius=0.011))
    rivet = g.lathe("rivet", [(0.0, 0.03), (0.03, 0.028), (0.05, 0.015), (0.055, 0.0)][::-1], steel, 32)
    rivet.location, rivet.rotation_euler = (x, y - 0.052, z - 0.45), (math.pi / 2, 0, 0)
    product.add(rivet)


def handbag(rng: random.Random, colors: Colors) -> Product:
    """A structured handbag: flap with a turn lock, piping, rolled arched handle on metal rings, metal feet."""
    product = Product()
    height, wide = 2.15, rng.uniform(2.85, 3.15)
    shell = Shell(
        lambda z: wide - 0.42 * z / height,
        lambda z: 1.25 - 0.62 * z / height,
        height,
        0.16,
        foot=0.12,
        crown=0.26,
        bulge=0.07,
    )
    body, trim = m.leather(colors.body), m.leather(colors.trim, roughness=0.4)
    gold = m.metal(colors.metal)
    product.add(shell.body("body", body))
    _flap(shell, product, colors, body, low_front=height * 0.47, round_by=0.5)
    product.add(g.tube("piping", [_panel_outline(shell, height * 0.85, lift=0.005)], 0.036, trim))
    product.add(
        g.stitches("panel seam", _panel_outline(shell, height * 0.6, inset=0.1, lift=0.004), m.thread(colors.thread))
    )
    front = shell.face(0, height * 0.47)[1] - 0.085
    product.add(g.box("plate", (0.5, 0.05, 0.32), (0, front, height * 0.47 + 0.1), gold, 0.024))
    product.add(g.box("lock", (0.26, 0.09, 0.085), (0, front - 0.05, height * 0.47 + 0.1), gold, 0.03))
    for x in (-0.2, 0.2):
        for z in (-0.11, 0.11):
            screw = g.ring(
                "screw", np.array((x, front - 0.025, height * 0.47 + 0.1 + z)), 0.012, 0.012, gold, (math.pi / 2, 0, 0)
            )
            product.add(screw)
    half, top = wide * 0.27, height - 0.1
    y = shell.face(0.6, height - 0.32)[1] - 0.075
    tall = rng.uniform(1.05, 1.35)
    lean = 0.35
    line = g.arch(half, tall, (0.0, y - 0.03, top + 0.16), 2.25, lean=lean)
    product.add_handle(g.tube("handle", [line], 0.098, trim))
    inner = line + np.array((0, -0.097, 0))
    product.add_handle(
        g.stitches("handle seam", inner[8:-8], m.thread(colors.thread), length=0.055, gap=0.03, radius=0.01)
    )
    for end, before in ((line[0], line[6]), (line[-1], line[-7])):
        direction = (before - end) / np.linalg.norm(before - end)
        product.add_handle(g.tube("cap", [np.array([end - direction * 0.03, end + direction * 0.16])], 0.112, gold))
    for x in (-half, half):
        _ring_mount(product, colors, trim, gold, x, y, top + 0.02, math.atan2(lean, tall))
    for x in (-1.1, 1.1):
        for y_foot in (-0.35, 0.35):
            stud = g.lathe("foot", [(0.02, 0.0), (0.07, 0.012), (0.09, 0.05), (0.09, 0.09)], gold, 32)
            stud.location = (x, y_foot, -0.045)
            product.add(stud)
    return product


def tote(rng: random.Random, colors: Colors) -> Product:
    """An open tote with twin flat straps that leave a narrow gap between them."""
    product = Product()
    height, wide = 2.7, rng.uniform(2.6, 3.1)
    shell = Shell(
        lambda z: wide + 0.3 * z / height,
        lambda z: 1.0 - 0.1 * z / height,
        height,
        0.12,
        foot=0.1,
        crown=0.0,
        bulge=0.06,
    )
    cloth = m.canvas(colors.body) if rng.random() < 0.5 else m.leather(colors.body, roughness=0.5)
    trim = m.leather(colors.trim, roughness=0.42)
    rings = []
    for z in np.concatenate((np.linspace(0, shell.foot, 8), np.linspace(shell.foot, height, 40)[1:])):
        width, depth = shell.width(z), shell.depth(z)
        flat = g.rounded_rectangle(width, depth, 0.12)
        wave = 0.02 * np.sin(5 * flat[:, 0] + 1.3) * (z / height) ** 3
        swell = np.array([shell.swell(2 * x / width, z) for x, _ in flat])
        rings.append(np.stack((flat[:, 0], flat[:, 1] * swell + wave, np.full(len(flat), z) + 0.6 * wave), axis=1))
    inside = [r * np.array((0.975, 0.93, 1)) for r in rings[::-1][:30]]
    product.add(g.loft("body", rings + inside, cloth))
    hem = np.array([p + np.array((0, -0.012, -0.12)) for p in rings[-1]])
    product.add(g.stitches("hem", np.concatenate((hem, hem[:1])), m.thread(colors.thread)))
    half, tall, gap = wide * rng.uniform(0.2, 0.26), rng.uniform(1.3, 1.9), rng.uniform(0.08, 0.2)
    for side, lean, shift in ((-1, 0.1, -gap * 0.5), (1, -0.1, gap)):
        y = shell.face(0.3, height - 0.3, side)[1] + side * 0.035
        line = g.arch(
            half, tall + (gap * 0.9 if side > 0 else 0), (0.0, y, height - 0.02), 2.4, lean=side * -lean, shift=shift
        )
        down = np.linspace(-0.75, -0.03, 12)
        left = np.array([(line[0][0], y, height + d) for d in down])
        right = np.array([(line[-1][0], y, height + d) for d in down[::-1]])
        middle = np.gradient(line, axis=0)
        across = np.cross(middle, np.array((0.0, 1.0, 0.0)))
        product.add_handle(g.strap("strap", line, 0.17, 0.055, trim, across))
        for legs in (left, right):
            product.add(g.strap("leg", legs, 0.17, 0.055, trim, np.array((1.0, 0, 0))))
            if side < 0:
                x = legs[0][0]
                frame = [
                    (x - 0.055, height - 0.15),
                    (x - 0.055, height - 0.7),
                    (x + 0.055, height - 0.7),
                    (x + 0.055, height - 0.15),
                ]
                product.add(
                    g.stitches("leg seam", np.array([(a, y - 0.03, b) for a, b in frame]), m.thread(colors.thread))
                )
    return product


def briefcase(rng: random.Random, colors: Colors) -> Product:
    """A briefcase: full flap, two buckled straps, a short grip on metal posts."""
    product = Product()
    height, wide = 2.25, rng.uniform(3.1, 3.4)
    shell = Shell(lambda _: wide, lambda z: 0.85 - 0.08 * z / height, height, 0.1, foot=0.08, crown=0.16, bulge=0.03)
    body, trim, steel = (
        m.leather(colors.body, roughness=0.4),
        m.leather(colors.trim, roughness=0.38),
        m.metal(colors.metal),
    )
    product.add(shell.body("body", body))
    _flap(shell, product, colors, body, low_front=height * 0.4, round_by=0.22, thickness=0.055)
    product.add(g.tube("piping", [_panel_outline(shell, height * 0.8, lift=0.004)], 0.03, trim))
    for x in (-wide * 0.27, wide * 0.27):
        u = x / (shell.width(1.0) / 2 - 0.1)
        line = np.array(
            [
                shell.face(u, z) + np.array((0, -0.1 if z > height * 0.37 else -0.03, 0))
                for z in np.linspace(height * 0.8, height * 0.2, 40)
            ]
        )
        product.add(g.strap("buckle strap", line, 0.24, 0.05, trim, np.array((1.0, 0, 0))))
        y = shell.face(u, height * 0.45)[1] - 0.14
        frame = np.array([(x - 0.17, y, 0.93), (x - 0.17, y, 1.2), (x + 0.17, y, 1.2), (x + 0.17, y, 0.93)])
        product.add(g.tube("buckle", [g.resample(frame, 0.02)], 0.027, steel, cyclic=True))
        product.add(g.tube("pin", [np.array([(x, y - 0.01, 0.92), (x, y - 0.01, 1.2)])], 0.018, steel))
    half, tall = wide * rng.uniform(0.13, 0.18), rng.uniform(0.34, 0.5)
    line = g.arch(half, tall, (0.0, 0.0, height + 0.05), 3.2)
    product.add_handle(g.tube("grip", [line], 0.085, trim))
    product.add_handle(
        g.stitches(
            "grip seam",
            (line + np.array((0, -0.084, 0)))[10:-10],
            m.thread(colors.thread),
            length=0.05,
            gap=0.03,
            radius=0.01,
        )
    )
    for x in (-half, half):
        product.add(g.box("post", (0.26, 0.24, 0.1), (x, 0, height + 0.02), steel, 0.035))
        product.add_handle(
            g.ring("ring", np.array((x, 0, height + 0.12)), 0.1, 0.03, steel, (math.pi / 2, 0, math.pi / 2))
        )
    return product


def shoulder_bag(rng: random.Random, colors: Colors, strap: float = 0.13) -> Product:
    """A small flap bag whose long strap, `strap` wide, stands in a tall loop, as if held up."""
    product = Product()
    height, wide = 1.55, rng.uniform(2.2, 2.5)
    shell = Shell(
        lambda z: wide - 0.1 * z / height,
        lambda z: 0.8 - 0.25 * z / height,
        height,
        0.2,
        foot=0.16,
        crown=0.2,
        bulge=0.1,
    )
    body, trim, gold = m.leather(colors.body), m.leather(colors.trim, roughness=0.4), m.metal(colors.metal)
    product.add(shell.body("body", body))
    _flap(shell, product, colors, body, low_front=height * 0.36, round_by=0.55)
    product.add(g.tube("piping", [_panel_outline(shell, height * 0.8, lift=0.004)], 0.028, trim))
    front = shell.face(0, height * 0.4)[1] - 0.1
    product.add(g.ring("clasp", np.array((0, front, height * 0.45)), 0.15, 0.03, gold, (math.pi / 2, 0, 0)))
    product.add(g.box("bar", (0.06, 0.06, 0.3), (0, front - 0.01, height * 0.45), gold, 0.02))
    half, tall = wide * 0.46, rng.uniform(2.2, 3.0)
    base = (0.0, 0.0, height - 0.12)
    line = g.arch(half, tall, base, rng.uniform(1.6, 2.2), shift=rng.uniform(-0.25, 0.25))
    across = np.cross(np.gradient(line, axis=0), np.array((0.0, 1.0, 0.0)))
    product.add_handle(g.strap("strap", line, strap, min(0.05, strap), trim, across))
    for x in (-half, half):
        product.add(g.ring("ring", np.array((x, 0, height - 0.14)), 0.11, 0.024, gold, (math.pi / 2, 0, 0)))
        product.add(g.box("tab", (0.2, 0.22, 0.3), (x * 0.97, 0, height - 0.36), trim, 0.05))
    at = line[30]
    product.add_handle(g.box("buckle", (strap + 0.07, 0.1, 0.24), tuple(at), gold, 0.04))
    return product


def duffel(rng: random.Random, colors: Colors) -> Product:
    """A round duffel with two rolled handles standing up."""
    product = Product()
    long, radius = rng.uniform(3.4, 3.9), 0.95
    body, trim, steel = m.canvas(colors.body), m.leather(colors.trim), m.metal(colors.metal)
    rings = []
    for x in np.concatenate((np.linspace(-1, -0.93, 8), np.linspace(-0.93, 0.93, 50)[1:-1], np.linspace(0.93, 1, 8))):
        shrink = math.sqrt(max(0.55, 1 - max(0.0, (abs(x) - 0.93) / 0.07) ** 2 * 0.45))
        angles = np.linspace(0, 2 * math.pi, 80, endpoint=False)
        y, z = np.cos(angles), np.sin(angles)
        z = np.where(z < -0.78, -0.78, z)
        sag = 1 + 0.03 * math.sin(4 * x) - 0.03 * x * x
        rings.append(
            np.stack(
                (
                    np.full(80, x * long / 2),
                    y * radius * shrink,
                    (z * sag + 0.78) * radius * shrink + (1 - shrink) * 0.7,
                ),
                axis=1,
            )
        )
    product.add(g.loft("body", rings, body))
    top = radius * 1.74
    for side, extra in ((-1, 0.0), (1, 0.12)):
        half = long * 0.18
        line = g.arch(half, 0.85 + extra, (0, side * 0.42, top - 0.08), 2.6, lean=-side * 0.25, shift=extra)
        product.add_handle(g.tube("handle", [line], 0.075, trim))
        for x in (-half, half):
            angle = np.linspace(0.0, 1.9, 50)
            path = np.array(
                [
                    (
                        x,
                        side * (math.sin(a + 0.45)) * (radius + 0.03),
                        0.78 * radius + math.cos(a + 0.45) * (radius + 0.03),
                    )
                    for a in angle
                ]
            )
            product.add(g.strap("webbing", path, 0.2, 0.04, trim, np.array((1.0, 0, 0))))
            product.add(
                g.ring(
                    "ring", line[0 if x < 0 else -1] + np.array((0, 0, 0.02)), 0.09, 0.022, steel, (math.pi / 2, 0, 0)
                )
            )
    product.add(
        g.tube("zip", [np.array([(x, 0, top + 0.01) for x in np.linspace(-long * 0.4, long * 0.4, 20)])], 0.03, steel)
    )
    return product
