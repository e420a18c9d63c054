"""The built-in tasks of medcot-bench, a file each, by domain."""
