"""A LoRA of one's own product: photos checked, recipes, other trainers' folders, training, the best checkpoint."""
