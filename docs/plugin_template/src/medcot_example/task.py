"""Which TCP port does a service use? A whole task for medcot-bench."""

from medcot_bench import Example, Form, Target, TaskSpec, hookimpl

PORTS = {
    "train": {"ftp": 21, "ssh": 22, "smtp": 25, "http": 80, "https": 443},
    "validation": {"telnet": 23, "ldap": 389},
    "eval": {"dns": 53, "imap": 143, "mysql": 3306, "redis": 6379},
}
ABOUT = {"domain": "networks", "licence": "CC0-1.0", "sources": {"bundled": "well-known ports"}}


class PortsQA:
    spec = TaskSpec(name="ports_qa", version=1, form=Form("none", "number"), **ABOUT)

    def examples(self, split):
        return [Example(id=s, group=s, question=s, answer=str(p)) for s, p in PORTS[split].items()]

    def prompt(self, example, template):
        return f"The TCP port of {example.question} is"

    def target(self, example):
        return Target(example.answer)

    def options(self, example):
        return {}

    def score(self, example, completion):
        return {"answer": float(completion.split()[:1] == [example.answer])}


@hookimpl
def medcot_make_task(name, options):
    return PortsQA()
