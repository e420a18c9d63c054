"""A finished run found again, and the question put to it."""
