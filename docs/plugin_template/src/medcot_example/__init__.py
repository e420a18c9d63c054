"""Plugins for medcot-bench, a file each."""
