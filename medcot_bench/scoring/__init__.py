"""Score a model through lm-eval: one task class, one language model, engines, our scores and gates. Heavy."""
