"""The ComfyUI that install.py installed: which server is used, started and stopped."""
