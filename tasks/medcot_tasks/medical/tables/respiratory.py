"""Scores about lungs and emboli."""

from __future__ import annotations

from medcot_tasks.medical.tables.criteria import Band, Measure, Sign
from medcot_tasks.medical.tables.table import Table

WELLS_PE = Table(
    "wells_pe",
    "the Wells score for pulmonary embolism",
    (
        Sign("signs of DVT", 3, "clinical signs of deep vein thrombosis", "no signs of deep vein thrombosis"),
        Sign("PE most likely", 3, "pulmonary embolism the most likely diagnosis", "pneumonia more likely"),
        Measure(
            "heart rate",
            "heart rate {}/min",
            (
                Band(0, 0, "heart rate up to 100", (64, 96), (50, 62)),
                Band(101, 1.5, "heart rate over 100", (105, 129), (130, 160)),
            ),
        ),
        Sign("immobile or surgery", 1.5, "surgery 2 weeks ago", "no recent surgery or immobilisation"),
        Sign("previous DVT or PE", 1.5, "previous pulmonary embolism", "no previous thrombosis or embolism"),
        Sign("haemoptysis", 1, "haemoptysis", "no haemoptysis"),
        Sign("cancer", 1, "active cancer", "no cancer"),
    ),
)
"""Wells 2000."""

WELLS_DVT = Table(
    "wells_dvt",
    "the Wells score for deep vein thrombosis",
    (
        Sign("active cancer", 1, "active cancer", "no cancer"),
        Sign("bedridden", 1, "bedridden for 5 days", "not bedridden"),
        Measure(
            "calf",
            "affected calf {} cm larger than the other",
            (
                Band(0, 0, "calf up to 3 cm larger", (1, 2.5), (0.2, 0.8)),
                Band(3.1, 1, "calf over 3 cm", (3.5, 5), (5.5, 8)),
            ),
            step=0.1,
        ),
        Sign("collateral veins", 1, "collateral superficial veins", "no collateral veins"),
        Sign("whole leg swollen", 1, "entire leg swollen", "thigh not swollen"),
        Sign("tenderness", 1, "tenderness along the deep veins", "no tenderness along the deep veins"),
        Sign("pitting oedema", 1, "pitting oedema of the affected leg only", "no pitting oedema"),
        Sign("plaster", 1, "leg in plaster", "no paralysis or plaster"),
        Sign("previous DVT", 1, "previous deep vein thrombosis", "no previous thrombosis"),
        Sign(
            "other diagnosis",
            -2,
            "cellulitis as likely as thrombosis",
            "thrombosis the likeliest diagnosis",
        ),
    ),
    one_range=True,
)
"""Wells 2003."""

PERC = Table(
    "perc",
    "the number of positive PERC criteria",
    (
        Measure(
            "age",
            "{}-year-old",
            (
                Band(0, 0, "age below 50", (28, 47), (18, 27)),
                Band(50, 1, "age 50 or over", (53, 79), (80, 96)),
            ),
            needed=True,
        ),
        Measure(
            "heart rate",
            "heart rate {}/min",
            (
                Band(0, 0, "heart rate below 100", (64, 96), (48, 62)),
                Band(100, 1, "heart rate 100 or over", (104, 129), (130, 160)),
            ),
        ),
        Measure(
            "oxygen saturation",
            "oxygen saturation {} %",
            (
                Band(95, 0, "oxygen saturation 95 or over", (97, 98), (99, 100)),
                Band(0, 1, "saturation below 95", (88, 93), (74, 87)),
            ),
        ),
        Sign("leg swelling", 1, "swelling of one leg", "no leg swelling"),
        Sign("haemoptysis", 1, "haemoptysis", "no haemoptysis"),
        Sign("surgery or trauma", 1, "surgery 3 weeks ago", "no recent surgery or trauma"),
        Sign("previous DVT or PE", 1, "previous pulmonary embolism", "no previous thrombosis or embolism"),
        Sign("hormones", 1, "takes oestrogen", "takes no hormones"),
    ),
    sexes=("woman",),
)
"""Kline 2004."""

TABLES = (WELLS_PE, WELLS_DVT, PERC)
