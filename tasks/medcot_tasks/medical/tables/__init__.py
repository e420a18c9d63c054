"""Scoring tables, each as data: criteria with points and with ways to tell them."""

from __future__ import annotations

from medcot_tasks.medical.tables import cardiac, infection, neuro_neonate, organs, respiratory
from medcot_tasks.medical.tables.table import Table

TABLES: tuple[Table, ...] = (
    *cardiac.TABLES,
    *respiratory.TABLES,
    *infection.TABLES,
    *organs.TABLES,
    *neuro_neonate.TABLES,
)

__all__ = ["TABLES", "Table"]
