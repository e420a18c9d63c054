"""Load, convert and quantise a base model, and tokenise text. Heavy: imports torch and transformers."""
