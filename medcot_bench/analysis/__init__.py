"""Records -> estimates with their uncertainty. Reads records only."""
