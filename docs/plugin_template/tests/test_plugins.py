"""Every check that medcot-bench has for a plugin, on the plugins of this package as they are installed."""

from types import SimpleNamespace

from medcot_example.observer import medcot_cell_finished

from medcot_bench.testing.adapters import AdapterChecks
from medcot_bench.testing.exporters import ExporterChecks
from medcot_bench.testing.selectors import SelectorChecks
from medcot_bench.testing.tasks import TaskChecks


class TestPortsQA(TaskChecks):
    name = "ports_qa"


class TestIA3(AdapterChecks):
    name = "ia3"


class TestLoraWithRisingRanks(AdapterChecks):
    name = "lora:select=rising,highest=8"


class TestRising(SelectorChecks):
    name = "rising:highest=8"


class TestJsonLines(ExporterChecks):
    name = "jsonl"


def test_a_program_is_told_of_a_training(monkeypatch, tmp_path):
    record = SimpleNamespace(name="ports_qa__ia3__s0", training=SimpleNamespace(final_loss=0.5))
    medcot_cell_finished(record)  # nobody asked
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/told\n')
    program.chmod(0o755)
    monkeypatch.setenv("EXAMPLE_NOTIFY", str(program))
    medcot_cell_finished(record)
    assert (tmp_path / "told").read_text() == "ports_qa__ia3__s0 is trained, loss 0.5\n"
