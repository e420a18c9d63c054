"""Tasks of the domain kubernetes."""
