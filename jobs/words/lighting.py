"""Of `consigne lighting`. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    "lighting_p7": ("P7: no performance is determined.", "P7 : aucune performance n'est fixée."),
    "lighting_weighed": ("sum {sum} → {label}: {level:g} {unit}", "somme {sum} → {label} : {level:g} {unit}"),
    "lighting_example": (
        "The example of CEN/TR 13201-1, table A.2, {when}:",
        "L'exemple de CEN/TR 13201-1, tableau A.2, {when} :",
    ),
    "lighting_evening": ("in the evening", "le soir"),
    "lighting_small hours": ("in the small hours", "au cœur de la nuit"),
}
