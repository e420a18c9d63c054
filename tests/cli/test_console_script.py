"""The console script around the program: what happens while the program itself is still being loaded."""

from __future__ import annotations

import subprocess
import sys

LOADING_IS_INTERRUPTED = """
import sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "medcot_bench.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
from medcot_bench.__main__ import main
main()
"""


def test_ctrl_c_while_the_program_loads_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADING_IS_INTERRUPTED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "medcot-bench: interrupted\n")
