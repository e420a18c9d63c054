"""Leaderboard -> files. An exporter is a plugin; these are the built-in ones."""
