"""Parse what is typed after --tasks and --adapters: `name:key=value,key=value`, several joined by commas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from medcot_bench.errors import ConfigError
from medcot_bench.security.foreign_text import shorten

ALL = "all"
"""Instead of a number: no limit."""
ITEMS = "train_items"
"""The option of every adapter that trains: the number of training items."""
LONGEST_NAME = 100
"""Characters of a plugin's or a task's name, and of the readable part of a folder that is named by it."""
LM_EVAL = "lm_eval"
"""The prefix of lm-eval's own tasks, before a name or a file: `lm_eval:arc_easy`."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A plugin's name with its options as typed, e.g. `lora:r=8` -> Spec("lora", {"r": "8"})."""

    name: str
    options: Mapping[str, str]

    @classmethod
    def read(cls, label: str) -> Spec:
        """Return the spec that a label is of: `Spec.read(str(spec)) == spec`. Never raises.

        >>> Spec.read("lora:r=8,alpha=16")
        Spec(name='lora', options={'r': '8', 'alpha': '16'})
        """
        first, *others = label.split(",")
        name, _, option = first.partition(":")
        if name == LM_EVAL:
            own, _, option = option.partition(":")
            name = f"{LM_EVAL}:{own}"
        return cls(name, dict(piece.partition("=")[::2] for piece in (option, *others) if piece))

    def __str__(self) -> str:
        typed = [f"{key}={value}" for key, value in self.options.items()]
        if ":" in self.name:  # a task of lm-eval
            return ",".join([self.name, *typed])
        return f"{self.name}:{','.join(typed)}" if typed else self.name

    @property
    def stem(self) -> str:
        """The name without its shift."""
        return self.name.partition("@")[0]

    @property
    def shift(self) -> str:
        """What follows `@` in the name: a graded shift or another prompt of the task, empty where neither."""
        return self.name.partition("@")[2]

    @property
    def unsized(self) -> Spec:
        """The spec without the number of training items: what adapters trained on several numbers share.

        >>> str(Spec.read("lora:r=8,train_items=250").unsized)
        'lora:r=8'
        """
        return Spec(self.name, {key: value for key, value in self.options.items() if key != ITEMS})

    @property
    def slug(self) -> str:
        """The name for a folder, with the last part of a path.

        >>> Spec.read("layer_lora:select=top,k=2").slug, Spec.read("peft:path=trained/v2/").slug
        ('layer_lora.top.k2', 'peft.pathv2')
        """
        last = {key: value.rstrip("/").rpartition("/")[2] for key, value in self.options.items()}
        parts = [self.name.replace(":", ".")]
        parts += [value if key == "select" else f"{key}{value}" for key, value in last.items()]
        return re.sub(r"[^A-Za-z0-9_.+=-]", "-", ".".join(parts)).lstrip(".")[:LONGEST_NAME]


def parse_specs(text: str | Iterable[str]) -> list[Spec]:
    """Split `a,b:k=v,k=v c` into its specs. A piece with `=` (before any `:`) belongs to the name before it.

    The name of one of lm-eval's own tasks has a colon in it. Raises ConfigError for an option without a name, an
    empty key, or one key given twice.

    >>> [str(spec) for spec in parse_specs("none,full:lr=1e-5,layer_lora:select=top,k=2,qlora")]
    ['none', 'full:lr=1e-5', 'layer_lora:select=top,k=2', 'qlora']
    >>> parse_specs("lm_eval:arc_easy,limit=100")
    [Spec(name='lm_eval:arc_easy', options={'limit': '100'})]
    """
    text = text if isinstance(text, str) else " ".join(text)
    found: list[tuple[str, dict[str, str]]] = []
    for piece in (part for part in re.split(r"[,\s]+", text) if part):
        name, colon, first = piece.partition(":")
        if "=" in name:
            if not found:
                raise ConfigError(f"'{shorten(piece)}' comes before any name; write NAME:{shorten(piece)}")
            _add_option(found[-1], piece)
            continue
        if name == LM_EVAL:
            own, colon, first = first.partition(":")
            if not own or "=" in own:
                raise ConfigError(f"'{piece}': name one of lm-eval's tasks or a file, e.g. {LM_EVAL}:arc_easy")
            name = f"{LM_EVAL}:{own}"
        elif not re.fullmatch(r"[A-Za-z0-9_.@/-]+", name):
            raise ConfigError(f"'{shorten(piece)}' is not a plugin name; write NAME or NAME:key=value")
        elif len(name) > LONGEST_NAME:
            raise ConfigError(f"'{shorten(name)}': a name has at most {LONGEST_NAME} characters")
        found.append((name, {}))
        if colon:
            _add_option(found[-1], first)
    return [Spec(name, options) for name, options in found]


def _add_option(spec: tuple[str, dict[str, str]], piece: str) -> None:
    name, options = spec
    key, equals, value = piece.partition("=")
    if not (key and equals and value):
        raise ConfigError(f"{name}: '{piece}' is not an option; write {name}:key=value")
    if key in options:
        raise ConfigError(f"{name}: option '{key}' is given twice")
    options[key] = value
