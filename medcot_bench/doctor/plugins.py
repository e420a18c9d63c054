"""Can every installed plugin be imported, and does it make what it is for?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from medcot_bench.doctor.finding import Finding
from medcot_bench.errors import MedcotError
from medcot_bench.plugins.manager import PluginEntry, Plugins, installed


def check_plugins(plugins: Plugins | None = None) -> Iterator[Finding]:
    """Yield how many plugins there are of each distribution, then the broken ones with their error."""
    plugins = plugins or installed()
    broken = {entry: error for entry in plugins.entries if (error := _try(plugins, entry))}
    for owner, number in Counter(f"{one.distribution} {one.version}" for one in plugins.entries).items():
        bad = sum(f"{one.distribution} {one.version}" == owner for one in broken)
        yield Finding("ok", "plugins", f"{number - bad} of {owner}")
    for error in dict.fromkeys(broken.values()):
        yield Finding("fails", "plugins", error)


def _try(plugins: Plugins, entry: PluginEntry) -> str | None:
    makers: dict[str, Callable[[str], object]] = {
        "task": plugins.make_task,
        "adapter": plugins.make_adapter,
        "selector": plugins.make_selector,
        "exporter": plugins.make_exporter,
    }
    try:
        plugins.admit(entry.kind, entry.name)
        if entry.kind in makers:  # an engine is made of a model
            makers[entry.kind](entry.name)
    except MedcotError as error:
        return str(error)
    return None
