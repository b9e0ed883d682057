"""Of drought orders and of the hours in which valves may be open. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    "window_hours": ("usual hours {hours}", "heures habituelles {hours}"),
    "window_order": ("bounded by {order}", "limité par {order}"),
    "window_unreached": ("no gateway reaches the valve", "aucune passerelle n'atteint la vanne"),
}
