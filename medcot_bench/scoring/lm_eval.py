"""All that is used of lm-eval: the one module to change when its internals do."""

from __future__ import annotations

import lm_eval.utils
from lm_eval.api.group import Group
from lm_eval.api.instance import Instance
from lm_eval.api.metrics import mean, nanmean
from lm_eval.api.task import ConfigurableTask
from lm_eval.defaults import DEFAULT_OTHER_SEED, DEFAULT_RANDOM_SEED
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import normalize_gen_kwargs, postprocess_generated_text
from lm_eval.tasks import TaskManager
from lm_eval.tasks._index import Kind

templates = lm_eval.utils
"""Its `env` renders the templates of task files."""

__all__ = [
    "DEFAULT_OTHER_SEED",
    "DEFAULT_RANDOM_SEED",
    "HFLM",
    "ConfigurableTask",
    "Group",
    "Instance",
    "Kind",
    "TaskManager",
    "evaluate",
    "mean",
    "nanmean",
    "normalize_gen_kwargs",
    "postprocess_generated_text",
    "templates",
]
