"""The maths of the pack: plain tensors in, plain tensors out. Imports no ComfyUI module and runs on CPU and CUDA.

Conventions everywhere in this package:
- images `[B,H,W,C]` float, sRGB-encoded 0..1 unless the name says `linear`; masks `[B,H,W]` float, 1 = product;
- positions in pixels with pixel *edges* at the integers: the centre of the first pixel is 0.5;
- nothing modifies its arguments.
"""
