"""Many seeds of one prompt: rounds of pictures, or a conversation about them."""
