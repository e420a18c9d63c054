"""Study -> plan: every training run and evaluation with its id, what is done, and what is left."""
