"""Scoring speed: the engine `fast` beside lm-eval's own HFLM, on the same items of the same model, in one run.

    python benchmarks/engines.py

The untouched base is scored on bundled items of each task by both engines, one after the other. Printed are
seconds, their ratio, the largest difference of a log-likelihood, and how many generated answers are the same.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import torch
from tabulate import tabulate

from medcot_bench.models.load import load_model, load_tokenizer, resolve_device, resolve_dtype, weights_folder
from medcot_bench.models.tokenization import Encoder
from medcot_bench.planning.build import make_plan
from medcot_bench.scoring.evaluate import EvaluationResult, evaluate_task
from medcot_bench.study.schema import Study

TASKS = ("k8s_qa", "manuals_qa", "kubectl", "medqa_cot")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    plan = make_plan(Study(tasks=TASKS, adapters=("none",), limit=options.items, device=options.device))
    device = resolve_device(options.device)
    folder = weights_folder(plan.base)
    model = load_model(folder, quantisation="none", dtype=resolve_dtype("auto", device), device=device)
    encoder = Encoder(load_tokenizer(folder))
    rows = []
    evaluate_task(model, encoder, plan, plan.evaluations[0])  # what is done once, by whoever comes first
    for number, score in enumerate(plan.evaluations):
        found: dict[str, EvaluationResult] = {}
        seconds: dict[str, float] = {}
        for engine in ("hf", "fast") if number % 2 else ("fast", "hf"):
            scoring = plan.study.scoring.model_copy(update={"engine": engine})
            study = plan.study.model_copy(update={"scoring": scoring})
            started = time.perf_counter()
            found[engine] = evaluate_task(model, encoder, replace(plan, study=study), score)
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds[engine] = time.perf_counter() - started
        pairs = list(zip(found["hf"].samples, found["fast"].samples, strict=True))
        apart = max(abs(one["gold_loglikelihood"] - other["gold_loglikelihood"]) for one, other in pairs)
        same = sum(one["prediction"] == other["prediction"] for one, other in pairs)
        rows.append(
            [
                score.task,
                f"{seconds['hf']:.1f}",
                f"{seconds['fast']:.1f}",
                f"{seconds['hf'] / seconds['fast']:.1f}",
                f"{apart:.1e}",
                f"{same} of {len(pairs)}",
            ]
        )
    headers = ["task", "hf, s", "fast, s", "ratio", "log-likelihoods apart by", "same answers"]
    print(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True))


if __name__ == "__main__":
    main()
