"""What training a LoRA needs beside ComfyUI's trainer: rates, masked loss, draws, files. Plain torch, no ComfyUI."""
