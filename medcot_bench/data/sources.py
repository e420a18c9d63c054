"""Where a task's items come from, and how they are split."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import islice, product
from operator import attrgetter
from pathlib import Path

from medcot_bench.data.hub_rows import HubRows, read_hub
from medcot_bench.data.row_splits import fill_splits
from medcot_bench.data.rows import make_group, read_own, read_rows
from medcot_bench.errors import ConfigError, DataError
from medcot_bench.interfaces import Task
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.plugins.task_checks import checked_items
from medcot_bench.study.paths import expand_path
from medcot_bench.study.schema import BUNDLED
from medcot_bench.types import SPLITS, Example, HubData, Split, TaskSpec

_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
_FIELDS = tuple(each.name for each in fields(Example))
_values = attrgetter(*_FIELDS)
UNGROUPED = "no row names a group: standard errors treat rows as independent"
_SHARES: dict[Split, float] = {"train": 0.8, "validation": 0.9, "eval": 1.0}


@dataclass(frozen=True, slots=True)
class TaskData:
    """A task's items by split, with what was left out and why."""

    source: str
    """As tables name it, e.g. `bundled-v1` or `file:medqa_cot.jsonl`."""
    splits: Mapping[Split, tuple[Example, ...]]
    """The items of each split; every limit takes the first of this order."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> number of rows."""
    notes: tuple[str, ...] = ()
    """What a reader of the results must know about the data, one sentence each."""
    unused: tuple[str, ...] = ()
    """Columns of its files that nothing is read from."""
    pinned: Mapping[Split, str] = field(default_factory=dict)
    """Split -> source at the revision found, where some of it comes from the hub."""
    spare_validation: bool = False
    """Whether no row names validation: its items are trained on where nothing selects by them."""

    def with_all_trained(self, seed: int) -> TaskData:
        """Return the data with validation items that nothing needs among the training items."""
        if not self.spare_validation or not self.splits["validation"]:
            return self
        trained = tuple(sort_by_hash([*self.splits["train"], *self.splits["validation"]], seed))
        return replace(self, splits={**self.splits, "train": trained, "validation": ()})

    def with_split(self, split: Split, examples: Iterable[Example], reason: str, count: int) -> TaskData:
        """Return the data with one split replaced and `count` more rows left out for `reason`."""
        left_out = {**self.left_out, reason: self.left_out.get(reason, 0) + count}
        return replace(self, splits={**self.splits, split: tuple(examples)}, left_out=left_out)


def load(
    chosen: ResolvedTask,
    sources: Mapping[Split | None, str],
    seed: int,
    counts: Mapping[Split, int | None] | None = None,
) -> TaskData:
    """Load the items of a task from `sources`: None -> one source for all splits, or split -> source.

    Without sources, or with the source `bundled`, the task's own items are used: for a split in `spec.pool` the
    number in `counts`, or by default the pool's. Raises DataError or ConfigError.
    """
    spec, name = chosen.task.spec, chosen.typed.name
    if sources and sources != {None: BUNDLED}:
        if chosen.shift in spec.shifts:
            raise ConfigError(f"task {name}: a graded shift has bundled items only; leave out --data")
        data = _from_outside(chosen, sources, seed)
    elif BUNDLED in spec.sources:
        label = f"{BUNDLED}-v{spec.version}"
        with blame(chosen.entry, "examples"):
            splits = {split: _bundled(chosen.task, split, seed, (counts or {}).get(split)) for split in SPLITS}
        data = TaskData(label, splits)
    else:
        ways = f"--data {name}=hub or --data {name}=file:PATH" if spec.hub else f"--data {name}=file:PATH"
        raise ConfigError(f"task {name}: no data given; add {ways}")
    return _keep_usable(data, spec)


def _bundled(task: Task, split: Split, seed: int, count: int | None) -> tuple[Example, ...]:
    pool = task.spec.pool
    if split in pool:
        return checked_items(islice(task.examples(split), count or pool[split]))
    return tuple(sort_by_hash(checked_items(task.examples(split)), seed))


def sort_by_hash(examples: Iterable[Example], seed: int) -> list[Example]:
    """Sort examples by a seeded hash of their ids, so that limits are nested prefixes of one order."""
    return sorted(examples, key=lambda example: _hash(seed, "item", example.id))


def digest(examples: Iterable[Example]) -> str:
    """Return a digest of these items in this order, as ids have it."""
    running = hashlib.sha256()
    for example in examples:
        whole = dict(zip(_FIELDS, _values(example), strict=True))  # asdict would copy it all
        if not example.turns:  # as items were before there were chats
            del whole["turns"]
        running.update(_CANONICAL.encode(whole).encode())
        running.update(b"\n")
    return running.hexdigest()[:16]


def _from_outside(chosen: ResolvedTask, sources: Mapping[Split | None, str], seed: int) -> TaskData:
    """Return items of files and of the hub, each split from the source that is named for it."""
    found: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    names: dict[str, dict[str, None]] = {"hub": {}, "file": {}}
    notes: dict[str, None] = {}
    unused: dict[str, None] = {}
    left_out: dict[str, int] = {}
    pinned: dict[Split, str] = {}
    spare = None in sources and sources[None].startswith("file:")
    for only, source in sources.items():
        here: dict[Split, list[Example]] = {split: [] for split in SPLITS}
        if re.fullmatch(r"hub(@[\w./-]+)?", source, re.ASCII):
            for hub, read in _hub_rows(chosen, only, source.partition("@")[2]):
                names["hub"][f"{hub.id}@{read.revision[:7]}"] = None
                if read.left_out:
                    left_out[f"of {hub.id}, incomplete"] = read.left_out
                for theirs, rows in read.splits.items():
                    pinned |= {
                        split: f"hub@{read.revision}" for split in hub.splits[theirs] if only in (None, split)
                    }
                    for example, _ in rows:
                        here[_split_of_group(example.group, seed, hub.splits[theirs])].append(example)
        else:
            path = _path(chosen, only, source)
            names["file"][path.name] = None
            pinned |= {split: source for split in SPLITS if only in (None, split)}
            grouped, others, free = _add_file(chosen, only, path, seed, here)
            spare = spare and free
            notes |= {} if grouped else {UNGROUPED: None}
            unused |= dict.fromkeys(others)
            if only and not here[only]:
                raise DataError(f"{path}: no row has the split '{only}'")
        for split in SPLITS:
            found[split] += here[split] if only in (None, split) else []
    splits = {split: tuple(sort_by_hash(examples, seed)) for split, examples in found.items()}
    label = "+".join(f"{kind}:{'+'.join(used)}" for kind, used in names.items() if used)
    pins = pinned if names["hub"] else {}
    return TaskData(label, splits, left_out, tuple(notes), tuple(unused), pins, spare)


def _add_file(
    chosen: ResolvedTask, only: Split | None, path: Path, seed: int, found: Mapping[Split, list[Example]]
) -> tuple[bool, tuple[str, ...], bool]:
    """Add the rows of a file to their splits.

    Return whether any row names a group, the columns not used, and whether no row names validation.
    """
    unused: tuple[str, ...] = ()
    if chosen.columns is None:
        rows, may_group = read_rows(path, chosen.task.spec.required), True
    else:
        rows, layout = read_own(path, chosen.columns)
        unused, may_group = layout.unused, "group" in layout.columns
    grouped = may_group and any(made.group != make_group(made.question, made.context) for made, _ in rows)
    for example, named in rows:
        if split := named or only:
            found[split].append(example)
    free = [] if only else [example for example, named in rows if not named]
    for split, examples in fill_splits(free, lambda group: _share(group, seed)).items():
        found[split].extend(examples)
    return grouped, unused, only is None and all(named != "validation" for _, named in rows)


def _hub_rows(chosen: ResolvedTask, only: Split | None, pin: str) -> Iterator[tuple[HubData, HubRows]]:
    """Yield the task's data sets of the hub, those of one split or all, with their rows."""
    name, spec = chosen.typed.name, chosen.task.spec
    used = [hub for hub in spec.hub if only is None or any(only in parts for parts in hub.splits.values())]
    if not used:
        what = f"split '{only}' of this task" if spec.hub else "data set of this task"
        raise ConfigError(f"task {name}: the hub has no {what}; use --data {name}=file:PATH")
    if pin and len(used) > 1:
        raise ConfigError(
            f"task {name}: it comes from {len(used)} data sets, each with its own revisions; "
            f"pin one split, e.g. --data {name}.eval=hub@{pin}"
        )
    for hub in used:
        yield hub, read_hub(name, hub, pin, spec.required)


def _path(chosen: ResolvedTask, only: Split | None, source: str) -> Path:
    kind, _, location = source.partition(":")
    if kind == "file" and location:
        return expand_path(location)
    spec = chosen.task.spec
    own = [BUNDLED] if BUNDLED in spec.sources and only is None else []
    ways = " or ".join([*own, *(["hub", "hub@REVISION"] if spec.hub else []), "file:PATH"])
    raise ConfigError(f"task {chosen.typed.name}: unknown source '{source}'; give {ways}")


def _split_of_group(group: str, seed: int, splits: tuple[Split, ...] = SPLITS) -> Split:
    """Return the split of a group by its hash: train, validation and eval at 8:1:1, as far as there are such."""
    share = _share(group, seed) * _SHARES[splits[-1]]
    return next(split for split in splits if share < _SHARES[split])


def _share(group: str, seed: int) -> float:
    """Return where a group lies from 0 to 1."""
    return int(_hash(seed, "split", group).hex()[:13], 16) / 16**13


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


def _hash(seed: int, purpose: str, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{purpose}:{key}".encode()).digest()
