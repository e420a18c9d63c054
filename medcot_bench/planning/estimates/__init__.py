"""What a plan takes and what it can tell: time and statistical power."""
