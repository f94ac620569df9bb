"""What `explore` and `vary` share: a folder per prompt, names that carry the facts, rests for the graphics card."""
