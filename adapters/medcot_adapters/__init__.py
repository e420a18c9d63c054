"""The built-in adapters of medcot-bench, a file each, and their selectors."""
