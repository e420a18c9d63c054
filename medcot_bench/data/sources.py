"""Where a task's items come from, and how they are split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice, product
from pathlib import Path

from medcot_bench.chosen import ChosenTask
from medcot_bench.data.items import checked_items
from medcot_bench.data.rows import read_rows
from medcot_bench.errors import ConfigError, DataError
from medcot_bench.interfaces import Task
from medcot_bench.plugins import blame
from medcot_bench.types import SPLITS, Example, Split, TaskSpec

BUNDLED = "bundled"
_SHARES: dict[Split, float] = {"train": 0.8, "validation": 0.9, "eval": 1.0}


@dataclass(frozen=True, slots=True)
class TaskData:
    """A task's items by split, with what was left out and why."""

    source: str
    """As tables name it, e.g. `bundled-v1` or `file:medqa_cot.jsonl`."""
    splits: Mapping[Split, tuple[Example, ...]]
    """The items of each split in an order of which every limit takes the first."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> number of rows."""

    def with_split(self, split: Split, examples: Iterable[Example], reason: str, count: int) -> TaskData:
        """Return the data with one split replaced and `count` more rows left out for `reason`."""
        left_out = {**self.left_out, reason: self.left_out.get(reason, 0) + count}
        return replace(self, splits={**self.splits, split: tuple(examples)}, left_out=left_out)


def load(
    chosen: ChosenTask,
    sources: Mapping[Split | None, str],
    seed: int,
    counts: Mapping[Split, int | None] | None = None,
) -> TaskData:
    """Load the items of a task from `sources`: None -> one source for all splits, or split -> source.

    Without sources, or with the source `bundled`, the task's own items are used: of a split in `spec.pool` as many
    as `counts` says, or else the pool. Raises DataError or ConfigError.
    """
    spec, name = chosen.task.spec, chosen.typed.name
    if sources and sources != {None: BUNDLED}:
        if chosen.shift in spec.shifts:
            raise ConfigError(f"task {name}: a graded shift is made of bundled items, and takes no --data")
        splits, label = _from_files(chosen, sources, seed)
    elif BUNDLED in spec.sources:
        label = f"{BUNDLED}-v{spec.version}"
        with blame(chosen.entry, "examples"):
            splits = {split: _bundled(chosen.task, split, seed, (counts or {}).get(split)) for split in SPLITS}
    else:
        raise ConfigError(f"task {name}: no data given; add --data {name}=file:PATH")
    return _keep_usable(TaskData(label, splits), spec)


def _bundled(task: Task, split: Split, seed: int, count: int | None) -> tuple[Example, ...]:
    pool = task.spec.pool
    if split in pool:
        return checked_items(islice(task.examples(split), count or pool[split]))
    return tuple(in_hash_order(checked_items(task.examples(split)), seed))


def in_hash_order(examples: Iterable[Example], seed: int) -> list[Example]:
    """Sort examples by a seeded hash of their ids, so that limits are nested prefixes of one order."""
    return sorted(examples, key=lambda example: _hash(seed, "item", example.id))


def digest(examples: Iterable[Example]) -> str:
    """Return a digest of these items in this order: the part of an id that names data."""
    running = hashlib.sha256()
    for example in examples:
        running.update(json.dumps(asdict(example), sort_keys=True, ensure_ascii=False).encode())
        running.update(b"\n")
    return running.hexdigest()[:16]


def _from_files(
    chosen: ChosenTask, sources: Mapping[Split | None, str], seed: int
) -> tuple[dict[Split, tuple[Example, ...]], str]:
    found: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    names: dict[str, None] = {}
    for only, source in sources.items():
        kind, _, location = source.partition(":")
        if kind != "file" or not location:
            own = f"{BUNDLED} or " if BUNDLED in chosen.task.spec.sources and only is None else ""
            raise ConfigError(f"task {chosen.typed.name}: can't read source '{source}'; write {own}file:PATH")
        path = Path(location).expanduser()
        names[path.name] = None
        for example, named in read_rows(path, chosen.task.spec.required):
            split = named or (only or _split_of_group(example.group, seed))
            if only in (None, split):
                found[split].append(example)
        if only and not found[only]:
            raise DataError(f"{path}: no row has the split '{only}'")
    splits = {split: tuple(in_hash_order(examples, seed)) for split, examples in found.items()}
    return splits, "file:" + "+".join(names)


def _split_of_group(group: str, seed: int) -> Split:
    share = int(_hash(seed, "split", group)[:13], 16) / 16**13
    return next(split for split in SPLITS if share < _SHARES[split])


def _keep_usable(data: TaskData, spec: TaskSpec) -> TaskData:
    for split in SPLITS:
        needed = spec.usable_with if split == "eval" else (*spec.usable_with, *spec.trainable_with)
        for name in needed:
            examples = data.splits[split]
            kept = [example for example in examples if getattr(example, name)]
            if len(kept) < len(examples):
                data = data.with_split(split, kept, f"{split} without {name}", len(examples) - len(kept))
    learnt: tuple[Split, ...] = ("train", "validation")
    for split, (key, values) in product(learnt, spec.trainable_where.items()):
        examples = data.splits[split]
        kept = [example for example in examples if example.meta.get(key) in (None, *values)]
        if len(kept) < len(examples):
            reason = f"{split} with {key} other than {' or '.join(values)}"
            data = data.with_split(split, kept, reason, len(examples) - len(kept))
    return data


def _hash(seed: int, purpose: str, key: str) -> str:
    return hashlib.sha256(f"{seed}:{purpose}:{key}".encode()).hexdigest()
