"""The frozen records that plugins and the core exchange. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from medcot_bench.text import without_thinking

Split = Literal["train", "validation", "eval"]
SPLITS: tuple[Split, ...] = ("train", "validation", "eval")
Relation = Literal["base", "elsewhere", "same_task", "same_domain", "shift", "lm_eval"]
"""`lm_eval`: a task of lm-eval. No other task has its scores, so a gap on it has no gap to be compared with."""
Turn = tuple[str, str]
"""A turn of a chat: its role (`system`, `user` or `assistant`), and its text."""
Placement = Mapping[str, int | None]
"""Module path -> rank; a rank of None leaves it to the adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One item of a task. Items of one `group` are not independent and lie in one split."""

    id: str
    group: str
    question: str
    answer: str
    context: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    """Letter -> text, for multiple choice; empty elsewhere."""
    reasoning: str | None = None
    answer_letter: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    """What else the task's scores use, as JSON values, e.g. the bounds of a number. Never part of a prompt."""
    turns: tuple[Turn, ...] = ()
    """Of a chat, the turns before the answer where they are several: `question` is all of them as one text."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a model should write after the prompt: the reasoning (if the item has one), then the answer."""

    answer: str
    reasoning: str | None = None

    @property
    def text(self) -> str:
        """The written form. It begins with a space: whitespace at the border belongs to the target.

        >>> Target("Answer: B", "Fever and rash.").text
        ' Fever and rash.\\nAnswer: B'
        """
        return " " + "\n".join(part for part in (self.reasoning, self.answer) if part)


@dataclass(frozen=True, slots=True)
class Form:
    """What makes two tasks comparable: scores are only compared between equal forms."""

    context: Literal["none", "given"]
    answer: Literal["letter", "number", "command", "text"]


@dataclass(frozen=True, slots=True)
class Option:
    """An option that a plugin declares: `type` is str, int, float or bool; `choices` limits the values."""

    type: type[str] | type[int] | type[float] | type[bool]
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    added: bool = False
    """Whether it came to a version that results were made with: at its default it is no part of any id."""
    path: bool = False
    """Whether it names a file or a folder. A run keeps it as an absolute path; where the plugin gives a digest of
    what lies there (`AdapterSpec.weights`), that is part of the id and the path is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubData:
    """A data set of the hub that items of a task come from."""

    id: str
    """`ORGANISATION/NAME`."""
    splits: Mapping[str, tuple[Split, ...]]
    """Its split -> what its rows are; where several, a seeded hash of a row's group decides."""
    columns: tuple[str, ...]
    """The columns that `row` reads; one that is missing is an error that says so."""
    row: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    """Turns its row into one of the simple form (docs/study.md), or into None to leave it out."""
    config: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """What a task declares about itself. `version` grows with every change of prompts, targets or scores."""

    name: str
    version: int
    domain: str
    form: Form
    licence: str
    description: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Source name -> what it is. `bundled` is what `examples()` yields; `file:` works for every task."""
    hub: tuple[HubData, ...] = ()
    """The data sets behind the source `hub`."""
    options: Mapping[str, Option] = field(default_factory=dict)
    shifts: tuple[str, ...] = ()
    """Graded shifts of the bundled items: `NAME@SHIFT` is a task to score on, made under that name."""
    pool: Mapping[Split, int] = field(default_factory=dict)
    """Items of each split that a study takes where it names no number; such a split may be without end."""
    templates: tuple[str, ...] = ("default",)
    """Prompt templates. The first writes prompts; `NAME@TEMPLATE` asks the same items by another, as a shift."""
    required: tuple[str, ...] = ("question", "answer")
    """Fields of a row without which it is an error."""
    usable_with: tuple[str, ...] = ()
    """Fields without which a row is left out, and counted."""
    trainable_with: tuple[str, ...] = ()
    """Fields without which a row is left out of training and validation, and counted."""
    trainable_where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Key of a row's `meta` -> the values that may be trained on; rows that have the key with another value are
    left out of training and validation, and counted."""
    scores: tuple[str, ...] = ("answer",)
    """The names that `score()` gives; `answer` is always among them."""
    max_new_tokens: int = 64
    stop: tuple[str, ...] = ()
    """A completion ends before the first of these (looked for after its leading whitespace)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSpec:
    """What an adapter declares about itself. Ids hash `name` and `version`."""

    name: str
    version: int
    update: Literal["full", "low_rank", "none"]
    quantisation: Literal["none", "nf4"] = "none"
    description: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    open_options: bool = False
    """Whether options that nobody declares go to the adapter, as texts; its `make` hook checks them."""
    weights: str = ""
    """Digest of trained weights that the adapter brings along; part of the id."""
    base: str = ""
    """The base model that these weights name, e.g. `ORGANISATION/NAME`; a note says where it is another one."""
    whole: bool = False
    """Whether these weights are a whole model, which takes the base's place."""
    select: str = "all"
    """The selector used where `select=` is not typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorSpec:
    """What a selector declares about itself."""

    name: str
    version: int
    description: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """One leaf module with parameters: where it is, in which block (None: outside the blocks), of what kind."""

    path: str
    layer: int | None
    kind: Literal["attention", "mlp", "other"]
    shapes: tuple[tuple[int, ...], ...]
    """Shapes of its parameters, e.g. ((out, in),) for a linear layer without bias."""
    linear: bool | None = None
    """Whether it is a linear layer by its type; None where only the file's headers were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """The size of a base model, read from its files."""

    architecture: str
    n_layers: int
    hidden_size: int
    parameters: int
    max_positions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a selector sees: the model's size, the modules it may choose from, and the cell's seed."""

    model: ModelInfo
    modules: tuple[ModuleInfo, ...]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one training goes. Lengths are in tokens, batches in items.

    It ends at `max_steps` or `train_tokens`, whichever comes first, going over the items as often as that takes;
    where both are None, after `epochs`.
    """

    lr: float
    epochs: float = 1.0
    max_steps: int | None = None
    train_tokens: int | None = None
    """Budget of tokens (prompt and target) that a training may process."""
    batch_size: int = 8
    """Items per optimiser step."""
    accumulation: int = 1
    """Passes into which a step is split to save memory; the gradient is the same."""
    max_length: int = 1024
    overlong: Literal["drop", "truncate-context", "error"] = "drop"
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises from 0."""
    weight_decay: float = 0.0
    clip: float = 1.0
    """Largest norm of the gradient; 0 switches clipping off."""
    select_by: Literal["last", "val_nll"] = "last"

    def __post_init__(self) -> None:
        lowest = {"lr": 0, "epochs": 0, "batch_size": 1, "accumulation": 1, "max_length": 16, "clip": 0}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup is a share of the steps from 0 to below 1, not {self.warmup}")
        if self.accumulation > self.batch_size:
            raise ValueError(f"accumulation {self.accumulation} exceeds batch_size {self.batch_size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model in memory, as an engine gets it. It does not change while the engine is in use."""

    model: Any
    """A causal language model of transformers, or PEFT's wrapper of one, in eval mode, on its device."""
    tokenizer: Any
    """The tokenizer that wrote the requests: it decodes answers."""
    max_length: int
    """Tokens that the model reads at most, prompt and answer together."""
    compute_dtype: Any = None
    """The torch dtype to compute in by autocast, where weights are held in another; None: the weights' own."""
    answered: Callable[[int], object] = lambda count: None
    """To be called with a number of requests when these are answered: a terminal's bar shows their sum."""

    @property
    def end_tokens(self) -> frozenset[int]:
        """The tokens that end an answer: the tokenizer's EOS, and those of the model's generation config."""
        config = getattr(self.model, "generation_config", None)
        named = getattr(config, "eos_token_id", None)
        several = named if isinstance(named, list | tuple) else [named]
        return frozenset(token for token in (*several, self.tokenizer.eos_token_id) if token is not None)


@dataclass(frozen=True, slots=True)
class LikelihoodRequest:
    """Asks how likely a continuation is after a context: tokens, at least one of each."""

    context: tuple[int, ...]
    continuation: tuple[int, ...]
    answer_follows: bool = False
    """Whether `generations` will be asked to go on from this context next: what was read of it may be kept.
    The prompt then may have more whitespace at its end."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The answer to a LikelihoodRequest."""

    value: float
    """The natural logarithm of the continuation's probability, in nats: the sum over its tokens."""
    greedy: bool
    """Whether each of its tokens is the likeliest one where it stands."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """Asks for the greedy answer to a prompt: tokens, at least one."""

    prompt: tuple[int, ...]
    new_tokens: int
    """Tokens that the answer may have, at least 1."""
    stop_after_text: tuple[str, ...] = ()
    """Strings that end the answer once they follow text: not in whitespace before it, nor in a thinking block."""
    stop_anywhere: tuple[str, ...] = ()
    """Strings that end the answer wherever they are."""

    def stops(self, text: str) -> bool:
        """Return whether what is written so far holds a stop string; those after text count after thinking blocks.

        >>> [GenerationRequest((1,), 8, ("\\n",)).stops(text) for text in ("\\n", "\\nYes.", "\\nYes.\\n")]
        [False, False, True]
        """
        after = without_thinking(text).lstrip() if self.stop_after_text else ""
        return any(stop in after for stop in self.stop_after_text) or any(s in text for s in self.stop_anywhere)


@dataclass(frozen=True, slots=True)
class Generation:
    """The answer to a GenerationRequest."""

    text: str
    """The new tokens decoded, without special ones and the end token. The core cuts what follows a stop string."""
    finished: bool
    """Whether it came to an end, by an end token or a stop string; not where its tokens ran out."""
