"""Is the product in the finished picture still the seller's product? Measured, and put into words."""
