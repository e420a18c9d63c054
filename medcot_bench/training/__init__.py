"""Train one cell: items to flat batches, the training loop, its cost. Heavy: imports torch."""
