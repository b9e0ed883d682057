"""Of rounds as drivers read them, and of `consigne collection`. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    "rounds_of_day": ("Rounds of {day}", "Tournées du {day}"),
    "round_start": ("leave", "départ"),
    "round_stop": ("container", "conteneur"),
    "round_unload": ("unload", "vidage"),
    "round_rest": ("break", "pause"),
    "round_end": ("back", "retour"),
    "round_none": ("No round on this day.", "Pas de tournée ce jour."),
    "round_plan": (
        "Plan {plan}. A newer plan replaces this page.",
        "Plan {plan}. Un plan plus récent remplace cette page.",
    ),
    "round_facts": (
        "{stops} containers, {km} km, about {kg} kg; leaves at {start}, back at {end}.",
        "{stops} conteneurs, {km} km, environ {kg} kg ; départ à {start}, retour à {end}.",
    ),
    "round_approximate": (
        "Distances and times are reckoned without a map.",
        "Distances et durées estimées sans carte.",
    ),
    "round_summary": ("Round {vehicle}: {stops} containers", "Tournée {vehicle} : {stops} conteneurs"),
    "round_description": ("{km} km, about {kg} kg. Plan {plan}.", "{km} km, environ {kg} kg. Plan {plan}."),
    "round_head_number": ("no.", "n°"),
    "round_head_time": ("time", "heure"),
    "round_head_what": ("what", "quoi"),
    "round_head_place": ("where", "où"),
    "round_head_fill": ("expected fill", "remplissage prévu"),
    "round_head_mass": ("kg", "kg"),
    "round_head_done": ("done", "fait"),
    "fraction_other": ("household waste", "ordures ménagères"),
    "fraction_organic": ("biowaste", "biodéchets"),
    "fraction_paper": ("paper and packaging", "papiers et emballages"),
    "fraction_glass": ("glass", "verre"),
    "fraction_plastic": ("packaging", "emballages"),
    "fraction_textile": ("textiles", "textiles"),
}
