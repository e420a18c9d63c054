"""The meter sees what a phase takes, not what was there before; tied tensors count once."""

from __future__ import annotations

import time

import torch

from medcot_bench.models.meter import Meter, tensor_bytes

MB = 1 << 20


def test_the_peak_is_what_was_used_at_once_inside_even_if_it_was_given_back() -> None:
    before = torch.ones(100 * MB // 4)
    with Meter(torch.device("cpu")) as meter:
        inside = torch.ones(300 * MB // 4)
        total = float(inside.sum())
        time.sleep(0.2)  # memory is sampled
        del inside
    assert total == 300 * MB // 4
    assert 290 * MB < meter.peak_bytes < 390 * MB
    assert meter.seconds > 0
    assert len(before) == 100 * MB // 4


def test_a_phase_that_takes_nothing_has_no_peak_of_its_own() -> None:
    kept = torch.ones(200 * MB // 4)
    with Meter(torch.device("cpu")) as meter:
        pass
    assert meter.peak_bytes < 20 * MB
    assert float(kept[0]) == 1.0


def test_a_tensor_in_two_places_counts_once() -> None:
    tied, other = torch.zeros(10), torch.zeros(4, dtype=torch.bfloat16)
    assert tensor_bytes([tied, other, tied]) == 10 * 4 + 4 * 2
