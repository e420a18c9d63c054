"""Executors: where workers run, and how their events come back."""
