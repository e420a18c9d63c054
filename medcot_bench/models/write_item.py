"""Items written as prompts and targets, the same for training and scoring."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from medcot_bench.models.tokenization import Encoder
from medcot_bench.plugins.entries import blame
from medcot_bench.plugins.resolve_task import ResolvedTask
from medcot_bench.plugins.task_checks import checked_prompt, checked_target
from medcot_bench.types import Example, Target, Turn


@dataclass(frozen=True, slots=True)
class Written:
    """One item as a model sees it, with the example it was written from (its context may be truncated).

    Control tokens in the example are marked in its prompt and target: `unmark` gives what is read there.
    """

    example: Example
    prompt: str
    target: str
    shortened: bool = False


def write(
    chosen: ResolvedTask,
    encoder: Encoder,
    example: Example,
    shots: Sequence[tuple[str, str]] = (),
    *,
    answered: bool = True,
) -> Written:
    """Write one item; one that is not `answered` has an empty target.

    Under a chat template the turns of a chat are the template's; what the task asks is the user's last one. A
    plugin's exception becomes a PluginError that names it.
    """
    marked = encoder.control_tokens.mark_example(example)
    before, asked, after = _split(marked) if encoder.chat_template else ((), marked, ())
    with blame(chosen.entry, f"prompt or target of item '{example.id}'"):
        text = checked_prompt(chosen.task.prompt(asked, chosen.template))
        target = checked_target(chosen.task.target(marked)) if answered else Target("")
    return Written(example, encoder.prompt(text, shots, before, after), encoder.target(target))


def _split(example: Example) -> tuple[Sequence[Turn], Example, Sequence[Turn]]:
    """Return the turns before the last one of the user, the example that asks this one, and the turns after it.

    An example without turns, or with none of the user, is asked as it is.
    """
    last = max((number for number, (role, _) in enumerate(example.turns) if role == "user"), default=None)
    if last is None:
        return (), example, ()
    return example.turns[:last], replace(example, question=example.turns[last][1]), example.turns[last + 1 :]


def write_within(
    chosen: ResolvedTask,
    encoder: Encoder,
    example: Example,
    limit: int,
    *,
    room: int = 0,
    shots: Sequence[tuple[str, str]] = (),
    shorten: bool,
    answered: bool = True,
) -> Written | None:
    """Write one item in at most `limit` tokens, of which the larger of `room` and the target follow the prompt.

    If it is longer and `shorten` is set, the end of the context is cut, as little as needed. Returns None if that
    is not allowed or not enough.
    """

    def fits(written: Written) -> bool:
        prompt, target = encoder.pair(written.prompt, written.target)
        return len(prompt) + max(len(target) + 1, room) <= limit  # one more for EOS

    written = write(chosen, encoder, example, shots, answered=answered)
    if fits(written):
        return written
    pieces = _pieces(example.context or "")
    if not shorten or not pieces:
        return None
    fitting, low, high = None, 1, len(pieces) - 1
    while low <= high:
        middle = (low + high) // 2
        shorter = replace(example, context="".join(pieces[:middle]))
        candidate = write(chosen, encoder, shorter, shots, answered=answered)
        if fits(candidate):
            fitting, low = Written(shorter, candidate.prompt, candidate.target, shortened=True), middle + 1
        else:
            high = middle - 1
    return fitting


def _pieces(text: str) -> list[str]:
    """Split text where it may be cut: after words, or anywhere in scripts without spaces."""
    words = re.findall(r"\s*\S+", text)
    return words if len(words) > len(text) / 20 else list(text)
