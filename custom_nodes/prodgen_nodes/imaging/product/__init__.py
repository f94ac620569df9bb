"""What a photo says about a product: its outline in figures, the kind and size these suggest, its colours."""
