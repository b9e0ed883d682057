"""Of counters and their traffic. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    "doing_coverage": ("holding forecasts to past nights", "prévisions comparées aux nuits passées"),
    "traffic_head": (
        "How much of each night's counts forecasts made at noon covered; wanted: {quantile} %; {nights} nights at most",
        "Part des comptages de nuit couverte par la prévision de midi ; voulu : {quantile} % ; {nights} nuits au plus",
    ),
    "traffic_legend": (
        "Asked: the quantile that is asked for, so that as much is covered; held: how much it did, in later nights.",
        "Demandé : le quantile demandé pour couvrir autant ; tenu : ce qu'il a couvert, les nuits suivantes.",
    ),
    "traffic_counter": ("counter", "compteur"),
    "traffic_lamps": (
        "Lamps that live by their own counter: {own}; by those of like streets: {borrowed}; by none: {without}",
        "Points lumineux suivant leur compteur : {own} ; ceux de rues semblables : {borrowed} ; aucun : {without}",
    ),
    "traffic_hours": ("hours", "heures"),
    "traffic_evening": ("to 22 h", "avant 22 h"),
    "traffic_small_hours": ("22–5 h", "22–5 h"),
    "traffic_morning": ("from 5 h", "après 5 h"),
    "traffic_night": ("night", "nuit"),
    "traffic_asked": ("asked", "demandé"),
    "traffic_kept": ("held", "tenu"),
    "traffic_of": ("lamps", "points"),
    "traffic_all": (
        "All counters: {all} covered as forecast, {kept} at the level asked for.",
        "Tous les compteurs : {all} couverts par la prévision, {kept} au niveau demandé.",
    ),
    "doubt_stale": ("silent for too long", "muet depuis trop longtemps"),
    "doubt_stuck": ("stuck on one value", "figé sur une valeur"),
    "doubt_counts_up": ("a sum, no flow", "un cumul, pas un débit"),
    "doubt_often_impossible": (
        "too often above what the road carries",
        "trop souvent plus que la voie ne porte",
    ),
    "doubt_impossible": ("some counts impossible", "quelques comptages impossibles"),
    "doubt_no_count": ("some counts negative or no number", "quelques comptages négatifs ou non numériques"),
    "doubt_was_stuck": ("stuck for some days", "figé pendant quelques jours"),
    "doubt_counted_up": ("a sum for some days", "un cumul pendant quelques jours"),
    "doubt_level": ("level changed at once", "niveau changé d'un coup"),
    "doubt_gaps": ("half of the hours missing", "la moitié des heures manque"),
}
