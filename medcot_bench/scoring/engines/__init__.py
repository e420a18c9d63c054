"""Engines: language models in memory as lm-eval asks them."""
