"""Tasks of the domain medical."""
