"""Of weather that cannot be believed: what was wrong with it, what was done. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    "weather_finding": (
        "{when}: {quantity} is {found}, {wrong}: {done}",
        "{when} : {quantity} vaut {found}, {wrong} : {done}",
    ),
    "weather_more": ("{day} and {more} more", "{day} et {more} autres"),
    # the quantities of a day
    "weather_tmin_c": ("lowest temperature (°C)", "température minimale (°C)"),
    "weather_tmax_c": ("highest temperature (°C)", "température maximale (°C)"),
    "weather_dewpoint_c": ("dew point (°C)", "point de rosée (°C)"),
    "weather_rh_min_pct": ("least humidity (%)", "humidité minimale (%)"),
    "weather_rh_max_pct": ("greatest humidity (%)", "humidité maximale (%)"),
    "weather_rh_mean_pct": ("mean humidity (%)", "humidité moyenne (%)"),
    "weather_wind_m_s": ("wind (m/s)", "vent (m/s)"),
    "weather_solar_mj_m2": ("radiation (MJ/m²)", "rayonnement (MJ/m²)"),
    "weather_sunshine_h": ("sunshine (h)", "insolation (h)"),
    "weather_rain_mm": ("rain (mm)", "pluie (mm)"),
    # what is wrong with them
    "weather_range": ("wants {least} to {most}", "attendu {least} à {most}"),
    "weather_several_rows": (
        "wants one row a day, the day stands several times (are these hours?)",
        "attendu une ligne par jour, le jour y est plusieurs fois (des heures ?)",
    ),
    "weather_kelvin": ("wants °C, was in kelvin", "attendu °C, était en kelvins"),
    "weather_fraction": ("wants per cent, was a fraction", "attendu un pourcentage, était une fraction"),
    "weather_minutes": ("wants hours, was in minutes", "attendu des heures, était en minutes"),
    "weather_unit": ("wants MJ/m² a day, was in {unit}", "attendu MJ/m² par jour, était en {unit}"),
    "weather_no_fair_day": (
        "wants MJ/m² a day, no day of them is fair (is it an hour's, or in kWh/m²?)",
        "attendu MJ/m² par jour, aucun jour n'est clair (une heure seule, ou des kWh/m² ?)",
    ),
    "weather_exchanged": (
        "wants less than the highest, the two were exchanged on most days",
        "attendu moins que la maximale, les deux étaient échangées presque tous les jours",
    ),
    "weather_cold_day": (
        "the lowest temperature is above the highest, either may be wrong",
        "la température minimale dépasse la maximale, l'une ou l'autre est fausse",
    ),
    "weather_dewpoint": (
        "wants at most the highest temperature", "attendu au plus la température maximale",
    ),
    "weather_dry_dawn": (
        "the least humidity is above the greatest, either may be wrong",
        "l'humidité minimale dépasse la maximale, l'une ou l'autre est fausse",
    ),
    "weather_beyond_ra": (
        "wants less than reaches the atmosphere", "attendu moins que ce qui atteint l'atmosphère",
    ),
    "weather_beyond_day": ("wants at most the day's length", "attendu au plus la durée du jour"),
    "weather_trace": ("which is how SYNOP writes a trace", "ce qui note des traces dans les messages SYNOP"),
    "weather_counter": (
        "wants the rain of each interval, it only rises",
        "attendu la pluie de chaque intervalle, elle ne fait que croître",
    ),
    "weather_scarce": (
        "wants some {most} mm in all (is it in cm?)", "attendu environ {most} mm en tout (en cm ?)",
    ),
    # what was done about it
    "weather_done_held": ("held to the limit", "ramené à la limite"),
    "weather_done_unknown": ("taken as unknown", "tenu pour inconnu"),
    "weather_done_zero": ("taken as 0", "pris pour 0"),
    "weather_done_converted": ("converted", "converti"),
    "weather_done_swapped": ("put back", "remis en place"),
    "weather_done_differenced": ("differenced", "différences prises"),
    "weather_done_left": ("left as it is", "laissé tel quel"),
}  # fmt: skip
