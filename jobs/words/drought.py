"""Of drought orders and of the hours in which valves may be open. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
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
