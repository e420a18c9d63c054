"""The worker process: trains and scores runs, or answers and merges, on models in memory."""
