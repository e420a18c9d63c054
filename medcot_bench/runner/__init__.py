"""The run: a parent that plans, supervises and shows, and a worker that trains, scores and commits."""
