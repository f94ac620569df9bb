"""What training needs beside the trainer, without ComfyUI."""
