"""Score a model through lm-eval: one task class, one engine, our scores and gates. Heavy."""
