"""A line of JSON for every score of the leaderboard: a whole exporter for medcot-bench."""

import json

from medcot_bench import hookimpl


class JsonLines:
    suffix = ".jsonl"

    def export(self, leaderboard):
        return "".join(json.dumps(line, allow_nan=False) + "\n" for line in self.lines(leaderboard))

    def lines(self, leaderboard):
        for row in leaderboard.rows:
            trained = {"adapter": row.adapter, "trained_on": leaderboard.trained_on(row)}
            yield from (trained | {"failure": f"{one.status}: {one.error}"} for one in row.failures)
            for task, part in row.tasks.items():
                for name, found in part.scores.items():
                    score = {"task": leaderboard.tasks[task], "score": name, "value": found.value}
                    yield trained | score | {"stderr": found.stderr, "items": found.items}


@hookimpl
def medcot_make_exporter(name):
    return JsonLines()
