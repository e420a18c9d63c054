"""The protocols that plugins implement. A plugin needs no base class: these names and shapes are enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from medcot_bench.types import (
    AdapterSpec,
    Example,
    Generation,
    GenerationRequest,
    Likelihood,
    LikelihoodRequest,
    ModelInfo,
    Placement,
    Probe,
    Recipe,
    SelectorSpec,
    Split,
    Target,
    TaskSpec,
)

if TYPE_CHECKING:
    from medcot_bench.results.folder import Results
    from medcot_bench.results.leaderboard import Leaderboard


@runtime_checkable
class Task(Protocol):
    """A data set, its prompt, its target and its scores. Pure data: imports neither torch nor lm-eval.

    Every method must be deterministic; an exception ends the evaluation that called it and names the plugin.
    """

    spec: TaskSpec

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield the items of the task's own (`bundled`) source, always the same in the same order.

        Splits share no group. A split that `spec.pool` names may be without end. Tasks without such a source
        yield nothing; `--data NAME=file:PATH` replaces it.
        """
        ...

    def prompt(self, example: Example, template: str) -> str:
        """Return the text before the target. It ends without whitespace and holds no answer.

        `template` is one of `spec.templates`. An item may come without its context though the task's form gives
        one (the prompting baseline `no_context`): the prompt then has none.
        """
        ...

    def target(self, example: Example) -> Target:
        """Return what the model should write: reasoning where the item has one, then the answer."""
        ...

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return letter -> target of every option for the score `choice`; empty where there are none."""
        ...

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Score one completion (stripped, cut at the stop strings): name -> value in [0, 1].

        `answer` of None means that no answer could be read; it counts as 0 and lowers the parse rate.
        """
        ...


@runtime_checkable
class Adapter(Protocol):
    """A way to make a base model trainable. Imports torch and peft only inside its methods."""

    spec: AdapterSpec

    def recipe(self, model: ModelInfo) -> Recipe:
        """Return the default recipe for a model of this size; the study may override every field."""
        ...

    def prepare(self, model: Any, placement: Placement) -> Any:
        """Make `model` trainable at the placed modules and return it (or a wrapper of it).

        All parameters arrive frozen, in the base's dtype; what requires a gradient afterwards is trained. The
        returned module takes the same arguments as the model, and computes the same function before training.
        """
        ...

    def save(self, model: Any, folder: Path) -> None:
        """Write what was trained into `folder` (it exists and is empty), as safetensors."""
        ...

    def load(self, model: Any, folder: Path) -> Any:
        """Return the trained model again, from the base `model` and what `save` wrote."""
        ...


@runtime_checkable
class TunedAdapter(Protocol):
    """An adapter whose best learning rates lie around another one than its recipe's. Optional."""

    def tune_around(self, model: ModelInfo) -> float:
        """Return the learning rate that others are tried around, for a model of this size.

        A rate that the user or the model's folder names goes before it.
        """
        ...


@runtime_checkable
class Selector(Protocol):
    """A rule that says where an adapter goes."""

    spec: SelectorSpec

    def place(self, probe: Probe) -> Placement:
        """Return module path -> rank for some of `probe.modules` (None: the adapter's own rank).

        Raises ConfigError where the model does not have what the options ask for.
        """
        ...


@runtime_checkable
class Engine(Protocol):
    """Computes what scores are made of, with one model in memory: likelihoods of text, and greedy answers.

    The core turns text into tokens and keeps every request within the model: context and continuation have at most
    `max_length` + 1 tokens together (the last one is not read), a prompt with its new tokens at most `max_length`.

    Deterministic: equal requests get equal answers, up to rounding, whatever is asked beside or before them. Only
    what was read of contexts that an answer follows may be kept, until `generations` returns. Gradients are off.
    Raises ConfigError for what the user can change; any other exception fails the evaluation and names the plugin.
    """

    batch_size: int
    """Sequences that it works on at once: the study's `scoring.batch_size`, or the engine's own number."""

    def likelihoods(self, requests: Sequence[LikelihoodRequest]) -> Sequence[Likelihood]:
        """Return the likelihood of each request, in their order. Softmax is taken in float32."""
        ...

    def generations(self, requests: Sequence[GenerationRequest]) -> Sequence[Generation]:
        """Return the greedy answer to each request, in their order."""
        ...


@runtime_checkable
class Exporter(Protocol):
    """A format of the leaderboard, one file. A format of the records is a RunsExporter or a FilesExporter."""

    suffix: str
    """The file's ending with its dot, e.g. `.md`."""

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file's text. Strings from models and plugins are escaped for the format."""
        ...


@runtime_checkable
class RunsExporter(Protocol):
    """A format of the records behind the leaderboard, one file."""

    suffix: str
    """The file's ending with its dot, e.g. `.csv`; no Exporter has the same."""

    def export_runs(self, results: Results) -> str:
        """Return the whole file's text. Strings are escaped as an Exporter does."""
        ...


@runtime_checkable
class FilesExporter(Protocol):
    """A format of the records behind the leaderboard, several files in a folder of their own."""

    folder: str
    """The folder's name in the result folder, e.g. `lm_eval`."""

    def files(self, results: Results) -> Mapping[str, str]:
        """Return path in the folder -> the file's whole text. Strings are escaped as an Exporter does.

        Paths are relative and stay within the folder. Files of the same path are replaced, others left alone.
        """
        ...
