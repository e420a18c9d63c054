"""Train one cell: items to flat batches, our own loop, what it costs. Heavy: imports torch."""
