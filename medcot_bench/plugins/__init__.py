"""Plugins: found, checked, and made into the task or adapter that was typed."""
