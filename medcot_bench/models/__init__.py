"""Load, convert and quantise a base, and turn text into tokens. Heavy: imports torch and transformers."""
