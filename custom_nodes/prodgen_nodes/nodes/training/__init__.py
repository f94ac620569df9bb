"""Training a LoRA of a product by ComfyUI's own trainer."""
