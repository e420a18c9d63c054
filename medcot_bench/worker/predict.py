"""The process behind `medcot-bench predict`: loads a cell's model and answers one question."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medcot_bench.errors import OK
from medcot_bench.planning.build import make_plan
from medcot_bench.scoring.evaluate import few_shot_examples
from medcot_bench.scoring.generate_one import answer
from medcot_bench.trained.find import find
from medcot_bench.types import Example
from medcot_bench.worker.io import Emit, serve
from medcot_bench.worker.restore import restorer


def _predict(job: Mapping[str, Any], emit: Emit) -> int:
    trained = find(Path(job["root"]), job["cell"], weights=not job["untouched"])
    task = trained.task(job["task"])
    restoring = restorer(trained, job["model"], job["device"])
    shots: list[tuple[str, str]] = []
    if trained.study.scoring.num_fewshot:
        plan = make_plan(trained.replanned(job["model"]))
        shots = few_shot_examples(task, restoring.encoder, plan.items.shots(task.label))
    text = answer(
        restoring.untouched() if job["untouched"] else restoring.tuned(),
        restoring.encoder,
        task,
        Example(**job["example"]),
        scoring=trained.study.scoring,
        max_positions=restoring.base.info.max_positions,
        shots=shots,
        compute_dtype=None if job["untouched"] else restoring.autocast,
    )
    emit("answered", text=text)
    return OK


if __name__ == "__main__":
    sys.exit(serve(_predict))
