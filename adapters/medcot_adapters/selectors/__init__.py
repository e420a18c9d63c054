"""Selectors: which modules an adapter goes into, and with which rank."""
