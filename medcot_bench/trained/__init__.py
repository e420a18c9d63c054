"""A finished training run found again, and a question to its model."""
