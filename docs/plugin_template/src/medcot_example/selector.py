"""Ranks that grow from block to block, from 1 next to the input: a whole selector for medcot-bench."""

from medcot_bench import ConfigError, Option, SelectorSpec, hookimpl

OPTIONS = {"highest": Option(int, 16, "rank in the block next to the output")}


class Rising:
    spec = SelectorSpec(name="rising", version=1, description="Ranks that grow with depth.", options=OPTIONS)

    def __init__(self, highest=16):
        if highest < 1:
            raise ConfigError(f"selector rising: highest={highest}; write a rank from 1 up")
        self.highest = highest

    def place(self, probe):
        inside = [module for module in probe.modules if module.layer is not None]
        return {m.path: self.rank(m.layer, probe.model.n_layers) for m in inside}

    def rank(self, layer, layers):
        return max(1, self.highest * (layer + 1) // layers)


@hookimpl
def medcot_make_selector(name, options):
    return Rising(**options)
