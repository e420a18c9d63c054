"""Tasks of lm-eval, its own or from a user's file, as far as planning needs them."""
