"""(IA)³ through PEFT (arXiv 2205.05638): a whole adapter for medcot-bench."""

from medcot_bench import AdapterSpec, ConfigError, Recipe, hookimpl


class IA3:
    spec = AdapterSpec(name="ia3", version=1, update="low_rank", description="Learned scales.")

    def recipe(self, model):
        return Recipe(lr=1e-2)

    def prepare(self, model, placement):
        from peft import IA3Config, get_peft_model

        if any(placement.values()):
            raise ConfigError("adapter ia3: scales have no rank; choose another selector")
        return get_peft_model(model, IA3Config(target_modules=[*placement], feedforward_modules=[]))

    def save(self, model, folder):
        model.save_pretrained(folder)

    def load(self, model, folder):
        from peft import PeftModel

        return PeftModel.from_pretrained(model, folder)


@hookimpl
def medcot_make_adapter(name, options):
    return IA3()
