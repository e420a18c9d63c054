"""The package here is installed and used by tests/plugins/test_manager.py; pytest collects nothing from it."""

collect_ignore = ["medcot_broken"]
