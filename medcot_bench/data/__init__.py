"""Read a task's items, split them by group, and keep training and evaluation apart."""
