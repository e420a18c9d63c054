"""Tasks in the form of lm-eval, its own or from a user's file, as far as a plan has to know them."""
