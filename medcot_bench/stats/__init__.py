"""Statistics: pure functions of numbers; no record, no file, nothing of ours."""
