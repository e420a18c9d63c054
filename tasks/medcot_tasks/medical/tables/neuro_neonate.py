"""Scores of consciousness and of the newborn."""

from __future__ import annotations

from medcot_tasks.medical.tables.criteria import Band, Conflict, Measure, Scale
from medcot_tasks.medical.tables.table import Table

GCS = Table(
    "gcs",
    "the Glasgow Coma Scale score",
    (
        Scale(
            "eye",
            (
                ("opens the eyes spontaneously", 4),
                ("opens the eyes to speech", 3),
                ("opens the eyes to pain", 2),
                ("does not open the eyes", 1),
            ),
        ),
        Scale(
            "verbal",
            (
                ("is oriented", 5),
                ("talks confusedly", 4),
                ("says single words", 3),
                ("makes sounds only", 2),
                ("makes no sound", 1),
            ),
        ),
        Scale(
            "motor",
            (
                ("obeys commands", 6),
                ("localises pain", 5),
                ("withdraws from pain", 4),
                ("flexes abnormally to pain", 3),
                ("extends to pain", 2),
                ("does not move to pain", 1),
            ),
        ),
    ),
    scale=True,
    one_range=True,
    conflicts=(
        # Who opens the eyes to pain only, or never, is not awake enough to talk or to obey.
        Conflict("eye", (1,), "verbal", (3, 4, 5)),
        Conflict("eye", (2,), "verbal", (4, 5)),
        Conflict("eye", (1, 2), "motor", (6,)),
        # Who is oriented obeys; who says words moves with a purpose.
        Conflict("verbal", (5,), "motor", (1, 2, 3, 4, 5)),
        Conflict("verbal", (4,), "motor", (1, 2, 3, 4)),
        Conflict("verbal", (3,), "motor", (1, 2, 3)),
    ),
)
"""Teasdale and Jennett 1974; every part can be tested."""

APGAR = Table(
    "apgar",
    "the Apgar score",
    (
        Scale("appearance", (("blue all over", 0), ("pink with blue hands and feet", 1), ("pink all over", 2))),
        Measure(
            "pulse",
            "pulse {}/min",
            (
                Band(0, 0, "no pulse", (0, 0), (0, 0)),
                Band(1, 1, "pulse below 100", (60, 94), (35, 58)),
                Band(100, 2, "pulse 100 or over", (104, 149), (150, 178)),
            ),
        ),
        Scale("grimace", (("no response to stimulation", 0), ("grimaces", 1), ("cries when stimulated", 2))),
        Scale("activity", (("limp", 0), ("some flexion of the limbs", 1), ("active movement", 2))),
        Scale("respiration", (("not breathing", 0), ("slow irregular breathing", 1), ("strong cry", 2))),
    ),
    scale=True,
    one_range=True,
    person="a newborn",
    conflicts=(
        *(Conflict("pulse", (0,), sign, (1, 2)) for sign in ("appearance", "grimace", "activity", "respiration")),
        # A cry takes breath, tone and response, and a heart that is not slow; without breath nobody stays pink.
        Conflict("pulse", (1,), "respiration", (2,)),
        Conflict("respiration", (0,), "appearance", (2,)),
        Conflict("respiration", (0,), "grimace", (2,)),
        Conflict("respiration", (0,), "activity", (2,)),
        Conflict("respiration", (2,), "grimace", (0,)),
        Conflict("respiration", (2,), "activity", (0,)),
        Conflict("activity", (0,), "grimace", (2,)),
        Conflict("activity", (2,), "grimace", (0,)),
    ),
)
"""Apgar 1953."""

TABLES = (GCS, APGAR)
