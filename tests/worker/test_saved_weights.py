"""Saved weights that a run goes on with: checked against their record, trained again where they don't fit it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from sealed import write_sealed

from medcot_bench.cli import main
from medcot_bench.errors import ModelError, PluginError, StoreError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.plan_record import record
from medcot_bench.planning.status import cell_statuses
from medcot_bench.results.cells import Cell
from medcot_bench.results.plan_file import FILE, written
from medcot_bench.results.records import Attempt, CellRecord
from medcot_bench.results.saved_files import describe, find_damage
from medcot_bench.results.store import Store
from medcot_bench.results.verify import verify
from medcot_bench.runner.events import Answered, Merged, Noted, PhaseStarted, Scored, Trained, WorkerEvent
from medcot_bench.runner.protocol import Predict
from medcot_bench.runner.supervision import is_tried
from medcot_bench.study.schema import Study
from medcot_bench.testing.tiny import make_tiny_model
from medcot_bench.trained.find import Trained as Found
from medcot_bench.trained.find import find
from medcot_bench.worker.predict import predict
from medcot_bench.worker.run_cell import CellRunner

Fields = dict[str, Any]
Damage = Callable[[Path], object]
ENDS = {"scores": ".json", "samples": ".jsonl"}


def run(plan: Plan, store: Store, cells: Sequence[Cell] | None = None) -> list[WorkerEvent]:
    """Do what a worker does with cells, in this process; any failure is raised."""
    events: list[WorkerEvent] = []
    runner = CellRunner(plan, store, 2, events.append)
    runner.check([*(cells or plan.cells)])

    def fail(score: Any, error: BaseException) -> None:
        raise error

    for cell in cells or plan.cells:
        runner.run(cell, fail)
    return events


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.fixture(autouse=True, scope="module")
def _memory_is_left() -> Iterator[None]:
    """Nothing here is measured, and giving memory back takes longer than all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medcot_bench.models.meter.release_memory", lambda: None)
        yield


@pytest.fixture(scope="module")
def little_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("little") / "llama", layers=1, hidden_size=16)


@pytest.fixture(scope="module")
def study(little_model: Path, examples: Path) -> Fields:
    return {
        "model": str(little_model),
        "tasks": "k8s_qa",
        "adapters": "lora:r=2",
        "base": False,
        "data": {name: f"file:{examples / name}.jsonl" for name in ("k8s_qa", "manuals_qa")},
        "training": {"max_steps": 1, "batch_size": 1},
        "scoring": {"max_new_tokens": 2, "scores": ["gold_nll"]},
        "limit": 1,
        "threads": 2,
    }


@pytest.fixture(scope="module")
def finished(study: Fields, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    out = tmp_path_factory.mktemp("finished") / "out"
    run(make_plan(Study.model_validate(study | {"output_dir": str(out)})), Store(out))
    return out


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "out")


@pytest.fixture
def fields(study: Fields, store: Store) -> Fields:
    return study | {"output_dir": str(store.root)}


@pytest.fixture
def trained(finished: Path, fields: Fields, store: Store) -> CellRecord:
    """What a run has left, of which another task is to be scored now."""
    shutil.copytree(finished, store.root)
    kept = store.cell(make_plan(Study.model_validate(fields)).cells[0])
    assert kept is not None
    return kept


@pytest.fixture
def more(fields: Fields) -> Plan:
    return make_plan(Study.model_validate(fields | {"eval_tasks": ("manuals_qa",)}))


def test_a_record_says_what_was_saved(trained: CellRecord, store: Store, more: Plan) -> None:
    folder = store.weights_folder(more.cells[0])
    assert {"adapter_config.json", "adapter_model.safetensors"} <= trained.saved.keys()
    assert trained.saved == describe(folder)
    assert trained.adapter_bytes == sum(file.size for file in trained.saved.values())


@pytest.mark.parametrize("copied", [False, True])
def test_whole_weights_are_scored_where_they_lie(
    trained: CellRecord, store: Store, more: Plan, copied: bool
) -> None:
    folder = store.weights_folder(more.cells[0])
    if copied:
        shutil.copytree(folder, folder.with_name("copy"), copy_function=shutil.copyfile)
        shutil.rmtree(folder)
        folder.with_name("copy").rename(folder)
    [status] = cell_statuses(more, store, read=True)
    assert status.action == "score"
    events = run(more, store)
    assert [event.phase for event in events if isinstance(event, PhaseStarted)] == ["restore", "score"]
    assert store.cell(more.cells[0]) == trained


def change_alpha(folder: Path) -> None:
    config = folder / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"lora_alpha": 320}))


DAMAGES: dict[str, tuple[Damage, str, bool]] = {
    "a bit": (
        lambda folder: flip_a_bit(folder / "adapter_model.safetensors"),
        "adapter_model.safetensors changed since it was written",
        False,
    ),
    "alpha": (change_alpha, "adapter_config.json has ", True),
    "empty": (
        lambda folder: (folder / "adapter_model.safetensors").write_bytes(b""),
        "adapter_model.safetensors has 0 bytes, and had ",
        True,
    ),
    "gone": (
        lambda folder: (folder / "adapter_model.safetensors").unlink(),
        "adapter_model.safetensors is missing",
        True,
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_weights_are_trained_again_and_never_scored(
    name: str, trained: CellRecord, store: Store, more: Plan
) -> None:
    damage, said, cheap = DAMAGES[name]
    [cell] = more.cells
    folder = store.weights_folder(cell)
    damage(folder)
    for read in (False, True):
        [status] = cell_statuses(more, store, read=read)
        assert status.action == ("train" if cheap or read else "score")
    assert f"adapter/{said}" in status.reason
    assert status.reason.endswith(": will train again")

    events = run(more, store)
    began, scoring = (event for event in events if isinstance(event, PhaseStarted))
    assert (began.phase, scoring.phase) == ("train", "score")
    assert str(began.reason).startswith(f"adapter/{said}")
    [scored] = (event for event in events if isinstance(event, Scored))
    assert not scored.marks  # the same loss came out
    assert not [event for event in events if isinstance(event, Trained)]  # the record is there already
    kept = store.cell(cell)
    assert kept is not None
    assert find_damage(folder, kept.saved, read="all") is None
    assert dataclasses.replace(kept, saved=trained.saved) == trained
    assert {name: file.sha256 for name, file in kept.saved.items()} == {
        name: file.sha256 for name, file in trained.saved.items()
    }  # on a CPU a training repeats bit by bit
    [status] = cell_statuses(more, store, read=True)
    assert status.action == "done"


def test_weights_that_came_out_otherwise_are_marked(trained: CellRecord, store: Store, more: Plan) -> None:
    [cell] = more.cells
    folder = store.weights_folder(cell)
    path = store.cell_folder(cell) / "cell.json"
    other = json.loads(path.read_text())
    other["training"]["final_loss"] = 1.0
    write_sealed(path, other)
    shutil.rmtree(folder)
    [scored] = (event for event in run(more, store) if isinstance(event, Scored))
    [mark] = scored.marks
    assert mark.startswith("scored on weights that were trained again, to a loss of ")


def test_the_mark_holds_for_whoever_uses_these_weights_later(
    trained: CellRecord, fields: Fields, store: Store, more: Plan
) -> None:
    [cell] = more.cells
    path = store.cell_folder(cell) / "cell.json"
    other = json.loads(path.read_text())
    other["training"]["final_loss"] = 1.0
    write_sealed(path, other)
    flip_a_bit(store.weights_folder(cell) / "adapter_model.safetensors")
    loss = trained.training.final_loss
    mark = f"scored on weights that were trained again, to a loss of {loss} after 1.0"

    assert not [
        event for event in run(make_plan(Study.model_validate(fields)), store) if isinstance(event, Scored)
    ]
    kept = store.cell(cell)
    assert kept is not None
    assert (kept.training.final_loss, kept.retrained_loss) == (1.0, loss)
    events = run(more, store)
    assert [event.phase for event in events if isinstance(event, PhaseStarted)] == ["restore", "score"]
    scored = [store.evaluation(cell, evaluation) for evaluation in more.evaluations_of(cell)]
    assert [one and one.marks for one in scored] == [(), (mark,)]  # the older one is of the weights before

    write_sealed(path, json.loads(path.read_text()) | {"training": dataclasses.asdict(trained.training)})
    flip_a_bit(store.weights_folder(cell) / "adapter_model.safetensors")
    run(more, store)
    kept = store.cell(cell)
    assert kept is not None
    assert kept.retrained_loss is None  # the loss on record came out again


def test_evaluations_whose_training_run_has_no_record_never_stay_beside_another_training(
    trained: CellRecord, fields: Fields, store: Store
) -> None:
    plan = make_plan(Study.model_validate(fields))
    [cell] = plan.cells
    [evaluation] = plan.evaluations_of(cell)
    folder = store.cell_folder(cell)
    before = {name: (folder / name / f"{evaluation.name}{end}").read_bytes() for name, end in ENDS.items()}
    (folder / "cell.json").unlink()
    store.add_attempt(
        cell, Attempt(cell_id=cell.id, status="oom", error="x", started=trained.provenance.started), ""
    )
    [status] = cell_statuses(plan, store)
    assert (status.action, status.missing, status.lost) == ("train", (evaluation,), True)
    assert status.reason == "its evaluations are there, but not its cell.json: all is made again"
    assert is_tried(status, store, frozenset())

    events = run(plan, store)
    [note] = (event.text for event in events if isinstance(event, Noted))
    assert note == "its evaluations are there, but not its cell.json: moved to quarantine, and made again"
    assert [type(event) for event in events if isinstance(event, Trained | Scored)] == [Trained, Scored]
    aside = store.root / "quarantine" / folder.relative_to(store.root)
    for name, end in ENDS.items():
        assert (aside / name / f"{evaluation.name}{end}").read_bytes() == before[name]
    [status] = cell_statuses(plan, store, read=True)
    assert status.action == "done"
    assert verify(store.root).damages == []


def test_a_damaged_adapter_of_a_finished_run_is_made_again(
    trained: CellRecord, fields: Fields, store: Store
) -> None:
    plan = make_plan(Study.model_validate(fields))
    [cell] = plan.cells
    [status] = cell_statuses(plan, store, read=True)
    assert status.action == "done"
    flip_a_bit(store.weights_folder(cell) / "adapter_model.safetensors")
    assert [status.action for status in cell_statuses(plan, store)] == ["done"]
    [status] = cell_statuses(plan, store, read=True)
    assert (status.action, status.missing) == ("train", ())
    run(plan, store)
    kept = store.cell(cell)
    assert kept is not None
    assert find_damage(store.weights_folder(cell), kept.saved, read="all") is None
    shutil.rmtree(store.weights_folder(cell))  # the user wants the room: the results are there
    assert [status.action for status in cell_statuses(plan, store, read=True)] == ["done"]


def test_weights_of_an_older_record_are_used_as_long_as_they_are_whole(
    trained: CellRecord, store: Store, more: Plan
) -> None:
    [cell] = more.cells
    store.renew_saved(cell, trained, {})
    assert [status.action for status in cell_statuses(more, store)] == ["score"]
    weights = store.weights_folder(cell) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    [status] = cell_statuses(more, store)
    assert (status.action, "adapter/adapter_model.safetensors is truncated" in status.reason) == ("train", True)
    run(more, store)
    kept = store.cell(cell)
    assert kept is not None
    assert kept.saved.keys() == trained.saved.keys()


class Saving:
    """The adapter, saving in another way."""

    def __init__(self, adapter: Any, save: Callable[[Any, Path], object]):
        self._adapter, self.save = adapter, save

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)


@pytest.mark.parametrize(
    ("save", "said"),
    [
        (lambda model, folder: None, "it wrote nothing into the folder that it was given"),
        (
            lambda model, folder: (folder / "weights.safetensors").symlink_to(folder.parent / "cell.json"),
            "weights.safetensors is a link; write the file itself",
        ),
    ],
)
def test_an_adapter_that_saves_nothing_or_links_is_named(
    fields: Fields, store: Store, save: Callable[[Any, Path], object], said: str
) -> None:
    plan = make_plan(Study.model_validate(fields))
    [chosen] = plan.adapters.values()
    wrong = dataclasses.replace(chosen, adapter=Saving(chosen.adapter, save))
    plan = dataclasses.replace(plan, adapters={chosen.label: wrong})
    with pytest.raises(PluginError, match=rf"adapter 'lora' .* failed in save: ValueError: {said}$"):
        run(plan, store)
    assert store.cell(plan.cells[0]) is None
    assert not store.weights_folder(plan.cells[0]).exists()


# --- what asks a trained model ---


@pytest.fixture
def found(trained: CellRecord, fields: Fields, store: Store, study_file: Callable[..., Path]) -> Found:
    """The cell as `predict` and `merge` find it."""
    plan = make_plan(Study.model_validate(fields))
    shutil.copy(study_file(**fields), store.root / "study.yaml")
    store.replace(store.root / FILE, written(record(plan, None, [])))
    return find(store.root, "lora")


def test_a_damaged_adapter_answers_nothing(found: Found, store: Store) -> None:
    assert found.weights is not None
    weights = found.weights / "adapter_model.safetensors"
    flip_a_bit(weights)
    again = f"medcot-bench run {store.root}/study.yaml -o {store.root}"
    said = f"^{weights} changed since it was written; train it again: {again}$"
    with pytest.raises(StoreError, match=said) as caught:
        find(store.root, "lora")
    assert caught.value.exit_code == 3
    work = Predict(
        root=str(store.root),
        cell="lora",
        task="k8s_qa",
        example=None,  # type: ignore[arg-type]  (nothing is asked)
        base=False,
        model=None,
        device=None,
    )
    with pytest.raises(StoreError, match=said):
        predict(work, print)
    assert find(store.root, "lora", weights=False).name == found.name  # the base still answers


def test_predict_and_merge_say_that_weights_were_trained_again(
    found: Found,
    trained: CellRecord,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answered = Answered(text="Because.")
    merged = Merged(dtype="float32", check=None, unchecked="no task")
    monkeypatch.setattr("medcot_bench.cli.predict.answer_of", lambda job, kind, timeouts, on_phase: answered)
    monkeypatch.setattr("medcot_bench.cli.merge.answer_of", lambda job, kind, timeouts, on_phase: merged)

    def said(name: str) -> str:
        assert main(["predict", str(store.root), "lora", "Why?", "--context", "It may."]) == 0
        assert main(["merge", str(store.root), "lora", str(tmp_path / name)]) == 0
        output = capsys.readouterr()
        return output.out + output.err

    assert "trained again" not in said("first")
    again = dataclasses.replace(trained, retrained_loss=9.0)
    store.renew_saved(find(store.root, "lora").cell, again, trained.saved)
    line = (
        f"{found.name} has weights that were trained again, to a loss of 9.0 after {trained.training.final_loss}; "
        "its older scores are of the weights before\n"
    )
    output = said("second")
    assert f"note: {line}" in output
    assert f"medcot-bench: {line}" in output
    assert json.loads((tmp_path / "second" / "medcot_merge.json").read_text())["retrained"] == line.strip()


@pytest.mark.parametrize("command", [("predict", "{}", "lora", "Why?"), ("merge", "{}", "lora", "model")])
def test_the_commands_end_in_one_line_and_exit_status_3(
    found: Found, store: Store, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert found.weights is not None
    (found.weights / "adapter_config.json").write_text("{}")
    assert main([part.format(store.root) for part in command]) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"medcot-bench: {found.weights}/adapter_config.json has 2 bytes, and had ")
    assert error.count("\n") == 1


def test_half_an_external_adapter_is_told_before_anything_is_trained(
    trained: CellRecord, fields: Fields, store: Store, tmp_path: Path
) -> None:
    half = shutil.copytree(store.root / "cells" / trained.name / "adapter", tmp_path / "half")
    tensors = load_file(half / "adapter_model.safetensors")
    renamed = {name.replace("q_proj", "query"): tensor for name, tensor in tensors.items()}
    save_file(renamed, half / "adapter_model.safetensors", metadata={"format": "pt"})
    out = Store(tmp_path / "other")
    changes = {"adapters": ("lora:r=2", f"peft:path={half}"), "output_dir": str(out.root)}
    plan = make_plan(Study.model_validate(fields | changes))
    with pytest.raises(ModelError, match=r"/half: 2 of \d+ tensors fit no module, .*; 2 tensors are missing, "):
        run(plan, out)
    assert not out.root.exists()


def test_what_is_no_fault_of_a_file_is_left_to_the_cell(
    fields: Fields, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*arguments: Any, **settings: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("medcot_bench.models.warm_base.load_model", run_out)
    plan = make_plan(Study.model_validate(fields))
    runner = CellRunner(plan, store, 2, print)
    runner.check(plan.cells)
    with pytest.raises(MemoryError):
        runner.run(plan.cells[0], print)


def test_a_base_without_weights_is_told_before_anything_is_trained(
    fields: Fields, store: Store, little_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(little_model, tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    plan = make_plan(Study.model_validate(fields | {"model": str(folder)}))
    with pytest.raises(ModelError, match=r": 1 tensor is missing, e.g. model.norm.weight; ") as caught:
        run(plan, store)
    assert caught.value.exit_code == 2
    assert not store.root.exists()
