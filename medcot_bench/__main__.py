"""The command `medcot-bench`, also as `python -m medcot_bench`."""

from __future__ import annotations

import sys

from medcot_bench.errors import INTERRUPTED


def main() -> None:
    """Run the program as a console script. Ctrl-C is one line also while the program is being loaded."""
    try:
        from medcot_bench.cli import console_main

        console_main()
    except KeyboardInterrupt:
        print("medcot-bench: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
