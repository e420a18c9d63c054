"""A run-wide plugin that fails at every cell."""

from medcot_bench import hookimpl


@hookimpl
def medcot_cell_finished(record: object) -> None:
    raise ValueError("this observer always fails")
