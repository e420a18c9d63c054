"""A run-wide plugin that can't be imported."""

raise RuntimeError("no server to report to")
