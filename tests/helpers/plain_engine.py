"""The plainest engine, as an author would write one: docs/plugins/engine.md shows it."""

from medcot_bench import Generation, Likelihood, hookimpl


class PlainEngine:
    def __init__(self, loaded, batch_size):
        self.loaded = loaded
        self.batch_size = batch_size or 1

    def likelihoods(self, requests):
        return [self.likelihood(one.context, one.continuation) for one in requests]

    def likelihood(self, context, continuation):
        logits = self.logits(context + continuation)[len(context) - 1 : -1].log_softmax(-1)
        found = [(row[token], row.argmax() == token) for row, token in zip(logits, continuation, strict=True)]
        return Likelihood(float(sum(value for value, _ in found)), all(bool(best) for _, best in found))

    def generations(self, requests):
        return [self.generation(one) for one in requests]

    def generation(self, request):
        tokenizer, new, text = self.loaded.tokenizer, [], ""
        while len(new) < request.new_tokens:
            new.append(int(self.logits([*request.prompt, *new])[-1].argmax()))
            text = tokenizer.decode(new, skip_special_tokens=True)
            if new[-1] in self.loaded.end_tokens:
                return Generation(tokenizer.decode(new[:-1], skip_special_tokens=True), finished=True)
            if request.stops(text):
                return Generation(text, finished=True)
        return Generation(text, finished=False)

    def logits(self, tokens):
        import torch

        model, dtype = self.loaded.model, self.loaded.compute_dtype
        with torch.autocast(model.device.type, dtype=dtype, enabled=dtype is not None):
            return model(input_ids=torch.tensor([tokens], device=model.device)).logits[0].float()


@hookimpl
def medcot_make_engine(name, loaded, batch_size):
    return PlainEngine(loaded, batch_size)
