"""Of `consigne solve`. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    "solved": (
        "{status}: objective {objective}, gap {gap}, {violations} violations",
        "{status} : objectif {objective}, écart {gap}, {violations} violations",
    ),
    "figure": ("figure", "grandeur"),
    "figure_value": ("value", "valeur"),
    "figure_bound": ("at least", "au moins"),
    "figure_gap": ("gap", "écart"),
    "figure_objective": ("objective, {unit}", "objectif, {unit}"),
    "figure_energy": ("energy, kWh", "énergie, kWh"),
    "figure_programs": ("different programs", "programmes différents"),
    "figure_cabinets": ("energy of cabinets, kWh", "énergie des armoires, kWh"),
    "figure_worst": ("{cabinet}, furthest from its bound, kWh", "{cabinet}, la plus loin de sa borne, kWh"),
    "figure_given_up": ("light given up, Wh, beside the levels tried", "lumière cédée, Wh, parmi les niveaux essayés"),
    "figure_changes": ("lamps told another program", "lampes dont le programme change"),
}
