"""Scores about the liver, the gut, and organs that fail."""

from __future__ import annotations

from medcot_tasks.medical.tables.criteria import Band, Measure, Scale, Sign, Unit
from medcot_tasks.medical.tables.table import Table

BILIRUBIN = Unit("bilirubin {} µmol/L", 17.1, "bilirubin in mg/dL", "{}/17.1", "mg/dL")
CREATININE = Unit("creatinine {} µmol/L", 88.42, "creatinine in mg/dL", "{}/88.42", "mg/dL")

CHILD_PUGH = Table(
    "child_pugh",
    "the Child-Pugh score",
    (
        Measure(
            "bilirubin",
            "bilirubin {} mg/dL",
            (
                Band(0, 1, "bilirubin below 2", (0.8, 1.8), (0.4, 0.7)),
                Band(2, 2, "bilirubin 2-3", (2.2, 2.6), (2.7, 2.8)),
                Band(3.1, 3, "bilirubin over 3", (3.3, 7), (7.5, 20)),
            ),
            step=0.1,
            other=BILIRUBIN,
        ),
        Measure(
            "albumin",
            "albumin {} g/dL",
            (
                Band(3.6, 1, "albumin over 3.5", (3.7, 4.5), (4.6, 5)),
                Band(2.8, 2, "albumin 2.8-3.5", (3.0, 3.3), (2.9, 2.9)),
                Band(0, 3, "albumin below 2.8", (2.0, 2.6), (1.4, 1.9)),
            ),
            step=0.1,
        ),
        Measure(
            "INR",
            "INR {}",
            (
                Band(0, 1, "INR below 1.7", (1.1, 1.5), (0.9, 1.0)),
                Band(1.7, 2, "INR 1.7-2.3", (1.9, 2.1), (1.8, 1.8)),
                Band(2.4, 3, "INR over 2.3", (2.5, 3.4), (3.5, 6)),
            ),
            step=0.1,
        ),
        Scale("ascites", (("no ascites", 1), ("slight ascites", 2), ("moderate ascites", 3))),
        Scale(
            "encephalopathy",
            (
                ("no encephalopathy", 1),
                ("grade 1 encephalopathy", 2),
                ("grade 2 encephalopathy", 2),
                ("grade 3 encephalopathy", 3),
                ("grade 4 encephalopathy", 3),
            ),
        ),
    ),
    scale=True,
    basic=False,
)
"""Pugh 1973."""


def _blatchford(sex: str, haemoglobin: tuple[Band, ...], sibling: Table | None = None) -> Table:
    return Table(
        "glasgow_blatchford",
        "the Glasgow-Blatchford score",
        (
            Measure(
                "BUN",
                "BUN {} mg/dL",
                (
                    Band(0, 0, "BUN below 18.2", (9, 17), (5, 8)),
                    Band(18.2, 2, "BUN 18.2-22.3", (19, 21), (22, 22)),
                    Band(22.4, 3, "BUN 22.4-27.9", (24, 26), (23, 23)),
                    Band(28, 4, "BUN 28-70", (30, 55), (56, 68)),
                    Band(70.1, 6, "BUN over 70", (74, 90), (91, 130)),
                ),
            ),
            Measure("haemoglobin", "haemoglobin {} g/dL", haemoglobin, step=0.1),
            Measure(
                "systolic pressure",
                "systolic pressure {} mmHg",
                (
                    Band(110, 0, "systolic pressure 110 or over", (114, 139), (140, 185)),
                    Band(100, 1, "systolic pressure 100-109", (103, 107), (101, 102)),
                    Band(90, 2, "systolic pressure 90-99", (93, 97), (91, 92)),
                    Band(0, 3, "systolic pressure below 90", (74, 87), (55, 73)),
                ),
            ),
            Measure(
                "heart rate",
                "heart rate {}/min",
                (
                    Band(0, 0, "heart rate below 100", (64, 96), (48, 62)),
                    Band(100, 1, "heart rate 100 or over", (104, 129), (130, 160)),
                ),
            ),
            Sign("melaena", 1, "melaena", "no melaena"),
            Sign("syncope", 2, "syncope", "no syncope"),
            Sign("liver disease", 2, "known liver disease", "no liver disease"),
            Sign("heart failure", 2, "heart failure", "no heart failure"),
        ),
        person=f"a {sex}",
        sibling=sibling,
    )


BLATCHFORD_WOMEN = _blatchford(
    "woman",
    (
        Band(12, 0, "haemoglobin 12 or over", (12.4, 14.5), (14.6, 16)),
        Band(10, 1, "haemoglobin 10-11.9", (10.4, 11.4), (11.5, 11.7)),
        Band(0, 6, "haemoglobin below 10", (7.5, 9.6), (4, 7.4)),
    ),
)
GLASGOW_BLATCHFORD = _blatchford(
    "man",
    (
        Band(13, 0, "haemoglobin 13 or over", (13.4, 15.5), (15.6, 17)),
        Band(12, 1, "haemoglobin 12-12.9", (12.3, 12.6), (12.7, 12.8)),
        Band(10, 3, "haemoglobin 10-11.9", (10.4, 11.4), (11.5, 11.7)),
        Band(0, 6, "haemoglobin below 10", (7.5, 9.6), (4, 7.4)),
    ),
    sibling=BLATCHFORD_WOMEN,
)
"""Blatchford 2000; the haemoglobin bands are those of the sex."""

SOFA = Table(
    "sofa",
    "the SOFA score",
    (
        Measure(
            "lungs",
            "PaO2/FiO2 {} with respiratory support",
            (
                Band(400, 0, "PaO2/FiO2 400 or over", (410, 470), (471, 520)),
                Band(300, 1, "PaO2/FiO2 300-399", (310, 370), (371, 390)),
                Band(200, 2, "PaO2/FiO2 200-299", (210, 270), (271, 290)),
                Band(100, 3, "PaO2/FiO2 100-199", (110, 170), (171, 190)),
                Band(0, 4, "PaO2/FiO2 below 100", (65, 94), (45, 64)),
            ),
        ),
        Measure(
            "platelets",
            "platelets {} x10^9/L",
            (
                Band(150, 0, "platelets 150 or over", (160, 320), (321, 450)),
                Band(100, 1, "platelets 100-149", (105, 135), (136, 145)),
                Band(50, 2, "platelets 50-99", (55, 85), (86, 95)),
                Band(20, 3, "platelets 20-49", (25, 40), (41, 46)),
                Band(0, 4, "platelets below 20", (8, 17), (3, 7)),
            ),
        ),
        Measure(
            "liver",
            "bilirubin {} mg/dL",
            (
                Band(0, 0, "bilirubin below 1.2", (0.5, 1), (0.2, 0.4)),
                Band(1.2, 1, "bilirubin 1.2-1.9", (1.4, 1.6), (1.7, 1.7)),
                Band(2, 2, "bilirubin 2-5.9", (2.3, 4.9), (5, 5.6)),
                Band(6, 3, "bilirubin 6-11.9", (6.4, 9.9), (10, 11.6)),
                Band(12, 4, "bilirubin 12 or over", (12.6, 18), (18.5, 30)),
            ),
            step=0.1,
            other=BILIRUBIN,
        ),
        Scale(
            "circulation",
            (
                ("mean arterial pressure 78 mmHg without vasopressors", 0),
                ("mean arterial pressure 85 mmHg without vasopressors", 0),
                ("mean arterial pressure 64 mmHg without vasopressors", 1),
                ("mean arterial pressure 58 mmHg without vasopressors", 1),
                ("dobutamine", 2),
                ("dopamine 4 µg/kg/min", 2),
                ("dopamine 8 µg/kg/min", 3),
                ("norepinephrine 0.06 µg/kg/min", 3),
                ("epinephrine 0.2 µg/kg/min", 4),
                ("norepinephrine 0.3 µg/kg/min", 4),
            ),
        ),
        Measure(
            "brain",
            "GCS {}",
            (
                Band(15, 0, "GCS 15", (15, 15), (15, 15)),
                Band(13, 1, "GCS 13-14", (13, 14), (13, 14)),
                Band(10, 2, "GCS 10-12", (11, 12), (10, 10)),
                Band(6, 3, "GCS 6-9", (7, 8), (9, 9)),
                Band(0, 4, "GCS below 6", (4, 5), (3, 3)),
            ),
        ),
        Measure(
            "kidneys",
            "creatinine {} mg/dL",
            (
                Band(0, 0, "creatinine below 1.2", (0.7, 1), (0.4, 0.6)),
                Band(1.2, 1, "creatinine 1.2-1.9", (1.4, 1.6), (1.7, 1.7)),
                Band(2, 2, "creatinine 2-3.4", (2.2, 2.8), (2.9, 3.2)),
                Band(3.5, 3, "creatinine 3.5-4.9", (3.7, 4.3), (4.4, 4.7)),
                Band(5, 4, "creatinine 5 or over", (5.3, 7), (7.1, 11)),
            ),
            step=0.1,
            other=CREATININE,
        ),
    ),
    scale=True,
    basic=False,
)
"""Vincent 1996. Support may be a mask, under which a patient can be awake and talk."""

TABLES = (CHILD_PUGH, GLASGOW_BLATCHFORD, SOFA)
