"""What shops ask of a product's picture, and the files they are given: rules as data, measured on finished bytes.

No ComfyUI here either, and little tensor maths: pictures are 8-bit arrays `[H,W,3]`, masks and shadows `[H,W]` 0..1.
"""
