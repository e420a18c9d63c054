"""Tries on every device what a run computes: what is behind `medcot-bench doctor`."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from medcot_bench.errors import OK
from medcot_bench.runner.events import DeviceReport, Examined
from medcot_bench.runner.protocol import Examine
from medcot_bench.worker.io import Emit


def examine(_: Examine, emit: Emit) -> int:
    """Try the operations; return the exit status."""
    devices = [torch.device("cpu")]
    devices += [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append(torch.device("mps"))
    emit(Examined(devices=tuple(_examine(device) for device in devices)))
    return OK


def _examine(device: torch.device) -> DeviceReport:
    works, fails = [], {}
    for name, attempt in _ATTEMPTS.items():
        try:
            attempt(device)
            works.append(name)
        except Exception as error:  # whatever a driver or a kernel raises
            fails[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
    return DeviceReport(name=_name(device), works=tuple(works), fails=fails)


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        return f"{device} ({about.name}, {about.total_memory / 1e9:.0f} GB)"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads, {platform.processor() or platform.machine()})"
    return str(device)


def _train(device: torch.device, dtype: torch.dtype) -> None:
    """One step of a matrix under attention, forward and backward."""
    weight = torch.randn(16, 16, device=device, dtype=dtype, requires_grad=True)
    states = (torch.randn(1, 2, 8, 16, device=device, dtype=dtype) @ weight).float().to(dtype)
    scaled_dot_product_attention(states, states, states, is_causal=True).sum().backward()
    if weight.grad is None or not bool(torch.isfinite(weight.grad).all()):
        raise ArithmeticError("the gradient is not finite")


def _quantise(device: torch.device) -> None:
    """A 4-bit linear layer, forward and backward to its input."""
    from bitsandbytes.nn.modules import Linear4bit

    make: Any = Linear4bit
    layer = make(64, 64, bias=False, quant_type="nf4", compute_dtype=torch.float32)
    layer = layer.to(device)
    states = torch.randn(2, 64, device=device, requires_grad=True)
    layer(states).sum().backward()
    if states.grad is None or not bool(torch.isfinite(states.grad).all()):
        raise ArithmeticError("the gradient is not finite")


_ATTEMPTS: dict[str, Callable[[torch.device], None]] = {
    "float32": lambda device: _train(device, torch.float32),
    "bfloat16": lambda device: _train(device, torch.bfloat16),
    "4 bits (qlora)": _quantise,
}
