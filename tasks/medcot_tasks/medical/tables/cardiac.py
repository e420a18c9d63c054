"""Scores about heart and vessels."""

from __future__ import annotations

from medcot_tasks.medical.tables.criteria import Band, Measure, Scale, Sign, Unit
from medcot_tasks.medical.tables.table import Table

CHA2DS2_VASC = Table(
    "cha2ds2_vasc",
    "the CHA2DS2-VASc score",
    (
        Sign("heart failure", 1, "congestive heart failure", "no heart failure"),
        Sign("hypertension", 1, "hypertension", "no hypertension"),
        Measure(
            "age",
            "{}-year-old",
            (
                Band(0, 0, "age below 65", (40, 62), (20, 39)),
                Band(65, 1, "age 65-74", (67, 72), (65, 66)),
                Band(75, 2, "age 75 or over", (77, 85), (86, 98)),
            ),
            needed=True,
        ),
        Sign("diabetes", 1, "diabetes mellitus", "no diabetes"),
        Sign("stroke or TIA", 2, "previous stroke", "no stroke or TIA"),
        Sign("vascular disease", 1, "peripheral artery disease", "no vascular disease"),
        Sign("female", 1, "woman", "man", needed=True),
    ),
)
"""Lip 2010."""

HAS_BLED = Table(
    "has_bled",
    "the HAS-BLED score",
    (
        Measure(
            "systolic pressure",
            "systolic pressure {} mmHg",
            (
                Band(0, 0, "systolic pressure up to 160", (110, 154), (90, 108)),
                Band(161, 1, "pressure over 160", (166, 190), (192, 220)),
            ),
        ),
        Sign("renal", 1, "chronic dialysis", "normal renal function"),
        Sign("liver", 1, "liver cirrhosis", "normal liver function"),
        Sign("stroke", 1, "previous stroke", "no stroke"),
        Sign("bleeding", 1, "previous major bleeding", "no bleeding"),
        Sign("labile INR", 1, "labile INR", "stable INR"),
        Measure(
            "age",
            "{}-year-old",
            (
                Band(0, 0, "age up to 65", (40, 63), (20, 39)),
                Band(66, 1, "age over 65", (68, 84), (85, 97)),
            ),
            needed=True,
        ),
        Sign("drugs", 1, "takes aspirin", "takes no antiplatelet or NSAID"),
        Measure(
            "drinks a week",
            "{} alcoholic drinks a week",
            (
                Band(0, 0, "fewer than 8 drinks a week", (2, 6), (0, 0)),
                Band(8, 1, "8 or more drinks", (10, 20), (21, 40)),
            ),
        ),
    ),
)
"""Pisters 2010."""

HEART = Table(
    "heart",
    "the HEART score",
    (
        Scale(
            "history",
            (
                ("slightly suspicious history", 0),
                ("moderately suspicious history", 1),
                ("highly suspicious history", 2),
            ),
        ),
        Scale("ECG", (("normal ECG", 0), ("unspecific repolarisation changes", 1), ("marked ST depression", 2))),
        Measure(
            "age",
            "{}-year-old",
            (
                Band(0, 0, "age below 45", (30, 43), (18, 29)),
                Band(45, 1, "age 45-64", (47, 60), (61, 63)),
                Band(65, 2, "age 65 or over", (67, 84), (85, 97)),
            ),
            needed=True,
        ),
        Measure(
            "risk factors",
            "number of cardiovascular risk factors {}",
            (
                Band(0, 0, "no risk factor", (0, 0), (0, 0)),
                Band(1, 1, "1-2 risk factors", (1, 2), (1, 2)),
                Band(3, 2, "3 or more risk factors", (3, 4), (5, 6)),
            ),
        ),
        Measure(
            "troponin",
            "troponin {} times the upper limit of normal",
            (
                Band(0, 0, "troponin normal", (0.3, 0.8), (0.1, 0.2)),
                Band(1.1, 1, "troponin 1-3 times normal", (1.3, 2.4), (2.5, 2.8)),
                Band(3.1, 2, "troponin over 3 times normal", (3.4, 6), (6.5, 20)),
            ),
            step=0.1,
        ),
    ),
    scale=True,
)
"""Six 2008."""

RCRI = Table(
    "rcri",
    "the Revised Cardiac Risk Index",
    (
        Sign("high-risk surgery", 1, "planned open aortic surgery", "planned cataract surgery", needed=True),
        Sign("ischaemic heart disease", 1, "ischaemic heart disease", "no ischaemic heart disease"),
        Sign("heart failure", 1, "congestive heart failure", "no heart failure"),
        Sign("cerebrovascular disease", 1, "previous stroke", "no stroke or TIA"),
        Sign("insulin", 1, "diabetes treated with insulin", "diabetes treated with metformin only"),
        Measure(
            "creatinine",
            "serum creatinine {} mg/dL",
            (
                Band(0, 0, "creatinine up to 2", (0.7, 1.8), (0.4, 0.6)),
                Band(2.1, 1, "creatinine over 2", (2.3, 4.5), (4.6, 9)),
            ),
            step=0.1,
            other=Unit("serum creatinine {} µmol/L", 88.42, "creatinine in mg/dL", "{}/88.42", "mg/dL"),
        ),
    ),
)
"""Lee 1999."""

TABLES = (CHA2DS2_VASC, HAS_BLED, HEART, RCRI)
