"""The look of a finished picture: what a lens, a film and a lab do to the scene, never to the product."""
