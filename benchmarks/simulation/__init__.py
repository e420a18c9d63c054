"""Planted studies: settings, what is drawn by them, its truth, and whether the product finds it."""
