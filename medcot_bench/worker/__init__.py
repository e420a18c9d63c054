"""The worker process: `__main__` reads its job; run_cells trains and scores, predict answers, merge merges."""
