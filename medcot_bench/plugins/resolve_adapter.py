"""What a typed spec stands for: a plugin object with its options, and for adapters its selector and recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from medcot_bench.errors import ConfigError, PluginError, suggest_or_list
from medcot_bench.interfaces import Adapter, Selector
from medcot_bench.plugins.entries import PluginEntry, blame
from medcot_bench.plugins.manager import Plugins
from medcot_bench.plugins.options import check, convert, hashed
from medcot_bench.study.schema import Training
from medcot_bench.study.spec_strings import ALL, ITEMS, Spec
from medcot_bench.types import ModelInfo, ModuleInfo, Option, Placement, Probe, Recipe

RECIPE_FIELDS = tuple(field.name for field in dataclasses.fields(Recipe))
TARGETS = Option(str, "all", "which modules of a block: all, attention, mlp, or names joined by +")


@dataclass(frozen=True, slots=True)
class ResolvedAdapter:
    """An adapter plugin with its checked options, its selector and the recipe fields typed with it."""

    typed: Spec
    entry: PluginEntry
    adapter: Adapter
    options: Mapping[str, Any]
    selector_entry: PluginEntry
    selector: Selector
    selector_options: Mapping[str, Any]
    targets: str
    recipe_options: Mapping[str, Any]
    train_items: int | None
    """How many training items it gets, None for all of the study's."""

    @property
    def label(self) -> str:
        """The name shown for it, with the options as typed."""
        return str(self.typed)

    def request(self) -> dict[str, Any]:
        """Return the part of an id that names this adapter and where it is placed (not its recipe)."""
        spec = self.adapter.spec
        request: dict[str, Any] = {
            "name": spec.name,
            "version": spec.version,
            "options": hashed(spec.options, self.options),
        }
        if spec.weights:  # what lies at a path counts, not where
            request["weights"] = spec.weights
            request["options"] |= {key: option.default for key, option in spec.options.items() if option.path}
        if spec.update != "none":
            request["selector"] = {
                "name": self.selector.spec.name,
                "version": self.selector.spec.version,
                "options": hashed(self.selector.spec.options, self.selector_options),
                "targets": self.targets,
            }
        return request

    def place(self, model: ModelInfo, modules: tuple[ModuleInfo, ...], seed: int) -> Placement:
        """Return where this adapter goes in a model with these leaf `modules`.

        Low-rank adapters choose from the linear modules inside blocks, full updates from every module. Raises
        ConfigError if nothing is chosen or the selector asks for what the model doesn't have.
        """
        spec = self.adapter.spec
        if spec.update == "none":
            return {}
        offered = [
            module
            for module in modules
            if spec.update == "full" or (module.layer is not None and _is_linear(module))
        ]
        for name in self.targets.split("+"):
            if not any(_is_target(module, name) for module in offered):
                raise ConfigError(f"adapter {self.label}: targets={name} matches no module of this model")
        wanted = self.targets.split("+")
        candidates = tuple(m for m in offered if any(_is_target(m, name) for name in wanted))
        probe = Probe(model=model, modules=candidates, seed=seed)
        with blame(self.selector_entry, "place"):
            placement = self.selector.place(probe)
            _check_placement(placement, probe)
        if not placement:
            raise ConfigError(
                f"adapter {self.label}: no module of this model is chosen; check select= and targets="
            )
        return placement


def _check_placement(placement: Any, probe: Probe) -> None:
    """Raise TypeError or ValueError for what is not a placement in the modules that were offered."""
    if not isinstance(placement, Mapping):
        raise TypeError(f"it returned type {type(placement).__name__}, not a mapping from module paths to ranks")
    if foreign := placement.keys() - {module.path for module in probe.modules}:
        raise ValueError(f"it places {min(foreign, key=str)}, which was not offered")
    if wrong := [rank for rank in placement.values() if rank is not None and (type(rank) is not int or rank < 1)]:
        raise ValueError(f"it places a rank of {wrong[0]!r}; ranks are whole numbers from 1 up, or None")


def resolve_adapter(typed: Spec, plugins: Plugins) -> ResolvedAdapter:
    """Build the adapter that was typed; each option goes to the adapter, its selector or its recipe.

    Raises PluginError or ConfigError, the latter with all the options that are valid here.
    """
    entry = plugins.entry("adapter", typed.name)
    spec = plugins.make_adapter(typed.name).spec
    own_names = {other.name for other in plugins.of("adapter") if other.distribution == entry.distribution}
    if spec.name not in own_names:
        raise PluginError(
            f"{entry}: its spec has the name '{spec.name}', which is not an entry point of its package; "
            "give both the same name"
        )
    placed = spec.update != "none"
    left = dict(typed.options)
    own = {key: left.pop(key) for key in list(left) if key in spec.options}
    select = left.pop("select", spec.select) if placed else spec.select
    targets = left.pop("targets", TARGETS.default) if placed else TARGETS.default
    selector_spec = plugins.make_selector(select).spec
    selecting = {key: left.pop(key) for key in list(left) if placed and key in selector_spec.options}
    recipe = {key: left.pop(key) for key in list(left) if placed and key in RECIPE_FIELDS}
    items = left.pop(ITEMS, ALL) if placed else ALL
    opened = left if spec.open_options else {}
    if left and not spec.open_options:
        valid = {key: option.help for key, option in spec.options.items()}
        if placed:
            valid |= {"select": "selector", "targets": TARGETS.help}
            valid |= {key: option.help for key, option in selector_spec.options.items()}
            valid |= {key: Training.model_fields[key].description or "" for key in (*RECIPE_FIELDS, ITEMS)}
        unknown = next(iter(left))
        raise ConfigError(f"adapter {typed.name}: no option '{unknown}'{suggest_or_list(unknown, valid)}")
    options = check(f"adapter {typed.name}", spec.options, own) | opened
    selector_options = check(f"selector {select}", selector_spec.options, selecting)
    adapter = plugins.make_adapter(typed.name, options)
    trained_with = [key for key in typed.options if key not in own and key not in opened]
    if trained_with and adapter.spec.update == "none":
        raise ConfigError(f"adapter {typed}: it is not trained, so it takes no option '{trained_with[0]}'")
    return ResolvedAdapter(
        typed,
        entry,
        adapter,
        options,
        plugins.entry("selector", select),
        plugins.make_selector(select, selector_options),
        selector_options,
        targets,
        {key: _convert_recipe(typed.name, key, value) for key, value in recipe.items()},
        _read_items(typed.name, items),
    )


def _read_items(adapter: str, text: str) -> int | None:
    if text == ALL:
        return None
    count: int = convert(f"adapter {adapter}: {ITEMS}", Option(int, None, ""), text)
    if count < 1:
        raise ConfigError(f"adapter {adapter}: {ITEMS}={count}: write a number above 0, or {ALL}")
    return count


def _convert_recipe(adapter: str, key: str, text: str) -> Any:
    hint = get_type_hints(Recipe)[key]
    choices = tuple(arg for arg in get_args(hint) if isinstance(arg, str))
    kind = next((arg for arg in (get_args(hint) or (hint,)) if arg in (int, float)), str)
    return convert(f"adapter {adapter}: {key}", Option(kind, None, "", choices), text)


def _is_target(module: ModuleInfo, name: str) -> bool:
    return name in ("all", module.kind, module.path.rpartition(".")[2])


def find_unadaptable(modules: Iterable[ModuleInfo]) -> list[ModuleInfo]:
    """Return the matrices of blocks that low-rank adapters leave out, since they are no linear layers."""
    inside = (module for module in modules if module.layer is not None and module.linear is False)
    return [module for module in inside if len(module.shapes[0]) > 1]


def _is_linear(module: ModuleInfo) -> bool:
    if module.linear is not None:
        return module.linear
    return module.kind != "other" and len(module.shapes[0]) == 2
