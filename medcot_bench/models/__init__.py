"""Load, convert and quantise a base model, and encode text. Heavy: imports torch and transformers."""
