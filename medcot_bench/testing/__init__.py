"""For plugin authors: a tiny model to try things on, and conformance checks to subclass."""
