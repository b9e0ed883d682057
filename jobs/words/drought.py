"""Of drought orders and of the hours in which valves may be open. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    # consigne irrigation drought
    "drought_none": ("{day}: no drought level is in force.", "{day} : aucun niveau de sécheresse en vigueur."),
    "drought_head": ("In force on {day}:", "En vigueur le {day} :"),
    "drought_order": ("order", "arrêté"),
    "drought_level": ("level", "niveau"),
    "drought_number": ("number", "numéro"),
    "drought_until": ("until", "jusqu'au"),
    "drought_valves": ("valves bound", "vannes limitées"),
    "drought_uses": ("uses", "usages"),
    "drought_water": ("water", "eau"),
    "drought_method": ("method", "mode"),
    "drought_age": ("age, years", "âge, ans"),
    "drought_left": ("what is left", "ce qui reste"),
    "drought_free": ("not restricted", "non restreint"),
    "drought_any": ("any", "tous"),
    "drought_measures": (
        "Measures, by level; what no line speaks of is forbidden:",
        "Mesures par niveau ; ce dont aucune ligne ne parle est interdit :",
    ),
    # the hours of a plan
    "window_hours": ("usual hours {hours}", "heures habituelles {hours}"),
    "window_order": ("bounded by {order}", "limité par {order}"),
    "window_closed": (
        "the order {order} leaves no hour tonight to {valves} (in all: {count})",
        "l'arrêté {order} ne laisse aucune heure ce soir à {valves} (en tout : {count})",
    ),
    "window_share": (
        "the order {order} of usual water leaves {m3} m³ tonight (valves: {count})",
        "l'arrêté {order} du volume habituel laisse {m3} m³ ce soir (vannes : {count})",
    ),
    "window_unreached": ("no gateway reaches the valve", "aucune passerelle n'atteint la vanne"),
}
