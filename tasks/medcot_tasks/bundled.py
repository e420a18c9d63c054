"""Which bundled item comes next: its entity, its phrasing, its range of values, and its random numbers.

Every bundled family has *entities* (intents, calculators, devices), six *templates* (phrasings, shared by all
entities) and two *ranges* of values. An item is made of one draw; draws go on without end. Items of one entity
and one template are a group; a group lies in one split:

- of an entity's four seen templates, two are for training, one for validation, one for evaluation;
- `@unseen_template` asks about seen entities in the two templates that no training item has;
- `@unseen_entity` asks about the entities that no training item has, in seen templates;
- `@unseen_range` is the evaluation split with values from outside the range of training.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from medcot_bench import Option, Split

SEEN_TEMPLATES = 4
TEMPLATES = 6
SHIFTS = ("unseen_template", "unseen_range", "unseen_entity")
Level = Literal["basic", "medium", "hard"]
"""basic: what a model of 135 M parameters learns from some hundred items; medium: more entities, or more steps;
hard: all entities, longer items, units to convert."""
LEVELS: tuple[Level, ...] = get_args(Level)
OPTIONS = {
    "level": Option(
        str, "basic", "difficulty of the bundled items: basic for models of 135M, hard for 3B", choices=LEVELS
    ),
    "seed": Option(int, 0, "seed of the bundled items (default: the study's data_seed)"),
}
"""The options of every task with bundled items."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What one item is made from."""

    id: str
    group: str
    entity: str
    template: int
    """0 to 3 are seen in training, 4 and 5 are not."""
    unseen_range: bool
    level: Level
    rng: random.Random
    """The item's own source of random numbers."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of bundled items. `version` grows with every change of what a draw turns into."""

    name: str
    version: int
    entities: Sequence[str]
    """A harder level adds its own at the end, so that all levels hold out the same ones."""
    one_range: Collection[str] = ()
    """Entities that hold no values to draw from two ranges: `@unseen_range` does not ask about them."""

    def draws(self, split: Split, *, shift: str = "", level: Level = "basic", seed: int = 0) -> Iterator[Draw]:
        """Yield the draws of a split without end. A shift changes what is evaluated, and nothing else.

        Draw number n depends on the family's name and version and on these arguments, on nothing else. Groups
        take turns in a shuffled order, so that any number of items is balanced over them.
        """
        part = (shift or split) if split == "eval" else split
        groups = self._groups(part, seed)
        key = f"{self.name} v{self.version} {part} {level} {seed}"
        random.Random(key).shuffle(groups)
        number = 0
        while True:
            entity, template = groups[number % len(groups)]
            yield Draw(
                id=f"{self.name}-{part}-{level}-{seed}-{number}",
                group=f"{self.name}/{entity}/{template}",
                entity=entity,
                template=template,
                unseen_range=part == "unseen_range",
                level=level,
                rng=random.Random(f"{key} {number}"),
            )
            number += 1

    @property
    def held_out(self) -> Sequence[str]:
        """The entities of `@unseen_entity`: every sixth, whatever the seed."""
        return self.entities[5::6]

    def _groups(self, part: str, seed: int) -> list[tuple[str, int]]:
        seen = [entity for entity in self.entities if entity not in self.held_out]
        if part == "unseen_template":
            return [(entity, template) for entity in seen for template in range(SEEN_TEMPLATES, TEMPLATES)]
        if part == "unseen_entity":
            return [(entity, template) for entity in self.held_out for template in range(SEEN_TEMPLATES)]
        if part == "unseen_range":
            seen = [entity for entity in seen if entity not in self.one_range]
        places = {"train": (0, 1), "validation": (2,)}.get(part, (3,))
        groups = []
        for entity in seen:
            order = sorted(range(SEEN_TEMPLATES), key=lambda n: _hash(f"{self.name} {seed} {entity} {n}"))
            groups += [(entity, order[place]) for place in places]
        return groups


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
