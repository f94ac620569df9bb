"""A ComfyUI over HTTP and websocket."""
