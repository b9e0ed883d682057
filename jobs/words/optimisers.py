"""Of `consigne solve`. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    "solved": (
        "{status}: objective {objective}, gap {gap}, {violations} violations",
        "{status} : objectif {objective}, écart {gap}, {violations} violations",
    ),
    "incumbent": ("best so far {objective}, {seconds} s", "meilleur à ce stade {objective}, {seconds} s"),
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
    "figure_water_eur": ("water, EUR", "eau, EUR"),
    "figure_stress_eur": ("lack beyond readily available water, EUR", "manque au-delà de la réserve facile, EUR"),
    "figure_wilting_eur": ("wilting, EUR", "flétrissement, EUR"),
    "figure_terminal_eur": ("lack left after the last day, EUR", "manque restant après le dernier jour, EUR"),
    "figure_tonight": ("water of the coming night, m3", "eau de la nuit à venir, m3"),
    "figure_all_nights": ("water expected of all nights, m3", "eau attendue de toutes les nuits, m3"),
    "figure_watered": ("hydrozones watered in the coming night", "hydrozones arrosées la nuit à venir"),
    "figure_openings": ("openings of valves", "ouvertures de vannes"),
    "figure_budget": ("water of {budget}, of {limit} m3", "eau de {budget}, sur {limit} m3"),
}
