"""The packages here are installed and used by tests/test_plugins.py; pytest collects nothing from them."""

collect_ignore = ["medcot_broken", "medcot_example"]
