"""The package here is installed and used by tests/test_plugins.py; pytest collects nothing from it."""

collect_ignore = ["medcot_broken"]
