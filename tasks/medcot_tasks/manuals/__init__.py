"""Tasks of the domain manuals."""
