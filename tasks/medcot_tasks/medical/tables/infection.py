"""Scores about infections."""

from __future__ import annotations

from medcot_tasks.medical.tables.criteria import Band, Measure, Pressures, Sign, Unit
from medcot_tasks.medical.tables.table import Table

FAHRENHEIT = Unit("temperature {} °F", 1.8, "temperature in °C", "({} - 32)/1.8", "°C", offset=32, decimals=1)

CURB_65 = Table(
    "curb_65",
    "the CURB-65 score",
    (
        Sign("confusion", 1, "new confusion", "no confusion"),
        Measure(
            "BUN",
            "BUN {} mg/dL",
            (
                Band(0, 0, "BUN up to 19", (9, 17), (5, 8)),
                Band(20, 1, "BUN over 19", (23, 44), (45, 80)),
            ),
            other=Unit("urea {} mmol/L", 1 / 2.801, "BUN in mg/dL", "{}*2.801", "mg/dL", decimals=1),
        ),
        Measure(
            "respiratory rate",
            "respiratory rate {}/min",
            (
                Band(0, 0, "respiratory rate below 30", (16, 27), (10, 15)),
                Band(30, 1, "respiratory rate 30 or over", (32, 38), (39, 46)),
            ),
        ),
        Pressures("blood pressure", "low blood pressure", 1, 90, 60),
        Measure(
            "age",
            "{}-year-old",
            (
                Band(0, 0, "age below 65", (38, 62), (19, 37)),
                Band(65, 1, "age 65 or over", (68, 84), (85, 98)),
            ),
            needed=True,
        ),
    ),
)
"""Lim 2003."""

QSOFA = Table(
    "qsofa",
    "the qSOFA score",
    (
        Measure(
            "respiratory rate",
            "respiratory rate {}/min",
            (
                Band(0, 0, "respiratory rate below 22", (14, 20), (9, 13)),
                Band(22, 1, "respiratory rate 22 or over", (24, 32), (33, 44)),
            ),
            needed=True,
        ),
        Measure(
            "systolic pressure",
            "systolic pressure {} mmHg",
            (
                Band(101, 0, "systolic pressure over 100", (105, 139), (140, 188)),
                Band(0, 1, "systolic pressure up to 100", (84, 97), (58, 83)),
            ),
            needed=True,
        ),
        Measure(
            "GCS",
            "GCS {}",
            (
                Band(15, 0, "GCS 15", (15, 15), (15, 15)),
                Band(3, 1, "GCS below 15", (12, 14), (6, 11)),
            ),
            needed=True,
        ),
    ),
)
"""Singer 2016."""

SIRS = Table(
    "sirs",
    "the number of SIRS criteria that are met",
    (
        Measure(
            "temperature",
            "temperature {} °C",
            (
                Band(36, 0, "temperature 36-38", (36.4, 37.6), (36.2, 36.3)),
                Band(38.1, 1, "temperature over 38", (38.4, 39.9), (40, 41.2)),
                Band(0, 1, "temperature below 36", (34.6, 35.6), (33, 34.5)),
            ),
            step=0.1,
            needed=True,
            other=FAHRENHEIT,
        ),
        Measure(
            "heart rate",
            "heart rate {}/min",
            (
                Band(0, 0, "heart rate up to 90", (62, 87), (48, 60)),
                Band(91, 1, "heart rate over 90", (95, 129), (130, 165)),
            ),
            needed=True,
        ),
        Measure(
            "respiratory rate",
            "respiratory rate {}/min",
            (
                Band(0, 0, "respiratory rate up to 20", (12, 18), (8, 11)),
                Band(21, 1, "respiratory rate over 20", (23, 33), (34, 46)),
            ),
            needed=True,
        ),
        Measure(
            "white cells",
            "white cells {} x10^9/L",
            (
                Band(4, 0, "white cells 4-12", (4.6, 11.2), (4.3, 4.5)),
                Band(12.1, 1, "white cells over 12", (12.8, 19.9), (20, 38)),
                Band(0, 1, "white cells below 4", (1.8, 3.6), (0.4, 1.7)),
            ),
            step=0.1,
            needed=True,
        ),
    ),
)
"""Bone 1992; respiratory rate stands for itself or a PaCO2 below 32, white cells for themselves or band forms."""

CENTOR = Table(
    "centor",
    "the McIsaac (modified Centor) score",
    (
        Measure(
            "temperature",
            "temperature {} °C",
            (
                Band(0, 0, "temperature up to 38", (36.6, 37.6), (36, 36.5)),
                Band(38.1, 1, "temperature over 38", (38.4, 39.4), (39.5, 40.8)),
            ),
            step=0.1,
            other=FAHRENHEIT,
        ),
        Sign("no cough", 1, "no cough", "cough", needed=True),
        Sign("anterior nodes", 1, "tender anterior cervical nodes", "no swollen nodes"),
        Sign("tonsils", 1, "tonsillar exudate", "normal tonsils"),
        Measure(
            "age",
            "{}-year-old",
            (
                Band(15, 0, "age 15-44", (19, 38), (39, 42)),
                Band(3, 1, "age 3-14", (6, 13), (4, 5)),
                Band(45, -1, "age 45 or over", (47, 69), (70, 94)),
            ),
            needed=True,
        ),
    ),
)
"""McIsaac 1998."""

FEVERPAIN = Table(
    "feverpain",
    "the FeverPAIN score",
    (
        Sign("fever", 1, "fever in the last 24 hours", "no fever"),
        Sign("purulence", 1, "pus on the tonsils", "no pus on the tonsils"),
        Measure(
            "days of illness",
            "{} days after the onset",
            (
                Band(4, 0, "attends after 3 days", (5, 8), (9, 16)),
                Band(0, 1, "attends within 3 days", (2, 3), (2, 3)),
            ),
            needed=True,
        ),
        Sign("inflamed tonsils", 1, "severely inflamed tonsils", "mildly red tonsils"),
        Sign("no cough or coryza", 1, "no cough or coryza", "cough and coryza", needed=True),
    ),
    one_range=True,
)
"""Little 2013."""

TABLES = (CURB_65, QSOFA, SIRS, CENTOR, FEVERPAIN)
