"""A task whose module needs what is not installed."""

raise ImportError("No module named 'nowhere_to_be_found'")
