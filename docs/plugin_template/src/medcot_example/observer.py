"""Tell a program of every finished training, where the user asks for it: a whole run-wide plugin."""

import os
import subprocess

from medcot_bench import hookimpl


@hookimpl
def medcot_cell_finished(record):
    # Installed means active, in every run: so do nothing unless it is asked for.
    if command := os.environ.get("EXAMPLE_NOTIFY"):
        loss = record.training.final_loss
        subprocess.run([command, f"{record.name} is trained, loss {loss}"], check=True, timeout=10)
