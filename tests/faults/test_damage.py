"""Every kind of file, damaged in every way, under every command: named in a line, or as before, never false."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from conftest import Tally
from program import Ended, Warm, content

Damage = Callable[[Path], None]
FILES = {
    "training record": "cells/*lora*/cell.json",
    "evaluation record": "cells/*lora*/scores/k8s*.json",
    "samples": "cells/*lora*/samples/k8s*.jsonl",
    "adapter weights": "cells/*lora*/adapter/adapter_model.safetensors",
    "adapter config": "cells/*lora*/adapter/adapter_config.json",
    "plan": "plan.json",
    "study": "study.yaml",
    "training log": "cells/*lora*/train_log.jsonl",
    "leaderboard": "leaderboard.md",
}
QUESTION = "Which port does it use?"
COMMANDS: dict[str, tuple[str, ...]] = {
    "export": ("export", "out"),
    "compare": ("compare", "out", "--baseline", "full"),
    "plan": ("plan", "out/study.yaml"),
    "verify": ("verify", "out"),
    "run": ("run", "study.yaml", "-o", "out"),
    "run with a new task": ("run", "study.yaml", "--eval-tasks", "manuals_qa,medqa_cot", "-o", "out"),
    "predict": ("predict", "out", "k8s_qa__lora__s0", QUESTION, "--context", "The port is 80."),
    "merge": ("merge", "out", "k8s_qa__lora__s0", "merged"),
}
RECORDS = ("training record", "evaluation record")
LIGHT = ("export", "compare", "plan", "verify")


def flip_bit(path: Path) -> None:
    change(path, lambda content, place: bytes([content[place] ^ 1 << (place % 8)]))


def change_digit(path: Path) -> None:
    content = path.read_bytes()
    digits = [place for place, byte in enumerate(content) if chr(byte).isdigit()] or [0]
    place = digits[len(digits) // 2]
    path.write_bytes(content[:place] + str((content[place] + 1) % 10).encode() + content[place + 1 :])


def garble(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(Random(3).randbytes(size))


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def delete(path: Path) -> None:
    path.unlink()


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_link(path: Path) -> None:
    moved = path.with_suffix(".moved")  # a name that is no record's
    path.rename(moved)
    path.symlink_to(moved)


def change(path: Path, new: Callable[[bytes, int], bytes]) -> None:
    content = path.read_bytes()
    place = len(content) // 2
    path.write_bytes(content[:place] + new(content, place) + content[place + 1 :])


DAMAGES: tuple[Damage, ...] = (
    *(flip_bit, change_digit, garble, truncate, empty),
    *(delete, become_folder, become_link),
)


def test_damaged_files(
    warm: Warm, place: Path, reference: dict[str, Any], tally: Tally, every_fault: bool
) -> None:
    whole = {command: answer_of(warm, place, command) for command in COMMANDS}
    assert {command: ended.status for command, (ended, _) in whole.items()} == dict.fromkeys(COMMANDS, 0)
    cases = [*product(FILES, DAMAGES, COMMANDS)]
    light = [case for case in cases if case[2] in LIGHT]
    heavy = [case for case in cases if case[2] not in LIGHT]
    draws = Random(5)
    for file, damage, command in cases if every_fault else [*draws.sample(light, 24), *draws.sample(heavy, 8)]:
        part = f"damaged {file}"
        ended, shown = answer_of(warm, place, command, FILES[file], damage)
        told = ended.status in (1, 2, 3) and len(ended.err.strip().splitlines()) < 12
        as_before = shown == whole[command][1]
        # A log that nothing reads, or a file that is made again: the command goes on as if nothing had happened.
        # A record that is gone was never made, as far as anybody can tell: its row is shown as unfinished.
        if damage is delete and file in RECORDS and ended.status == 0:
            table = (place / "out" / "leaderboard.md").read_text()
            as_before = as_before or command == "compare" or (command == "export" and "ncomplete" in table)
        good = told or (ended.status == 0 and as_before)
        about = f"{damage.__name__.replace('_', ' ')}, then {command}"
        tally.add(part, about, ended, good=good, false=ended.status == 0 and not as_before)
    for file in FILES:
        tally.check(f"damaged {file}")


def answer_of(
    warm: Warm, place: Path, command: str, file: str = "", damage: Damage | None = None
) -> tuple[Ended, Any]:
    """Run a command on a copy of the undisturbed folder, damaged if so asked; return what it shows."""
    out, merged = place / "out", place / "merged"
    for folder in (out, merged):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place / "reference", out, symlinks=True)
    if damage:
        (path,) = out.glob(file)
        damage(path)
    ended = warm.run(*COMMANDS[command])
    return ended, shown_by(command, ended, out, merged)


def shown_by(command: str, ended: Ended, out: Path, merged: Path) -> Any:
    """Return what a user sees of a command: its table, its answer, its model."""
    if command == "export":
        return (out / "leaderboard.csv").read_text()
    if command.startswith("run"):
        made = ("scores", "samples")
        return {name: found for name, found in content(out / "cells").items() if name.split("/")[1] in made}
    if command == "merge":
        return {path.name: path.read_bytes() for path in merged.glob("*.safetensors")}
    return ended.out if command in ("compare", "predict") else ended.status
