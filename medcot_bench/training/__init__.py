"""Train one cell: tokenise its items, make batches, the training loop, its cost. Heavy: imports torch."""
