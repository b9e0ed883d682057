"""Of irrigation: why a hydrozone is watered, what a plan comes to, `consigne irrigation`. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    # why a valve opens as it does in a night
    "water_cycles": (
        "{cycles} × {minutes} min, {mm} mm, {m3} m³: it lacks {lacking} of {taw} mm, its plants suffer beyond {raw}",
        "{cycles} × {minutes} min, {mm} mm, {m3} m³ : il manque {lacking} mm sur {taw}, stress au-delà de {raw}",
    ),
    "water_none": (
        "not watered: it lacks {lacking} of {taw} mm, its plants suffer beyond {raw}",
        "pas d'arrosage : il manque {lacking} mm sur {taw}, stress au-delà de {raw}",
    ),
    "water_none_though_dry": (
        "not watered though it lacks {lacking} of {taw} mm, and its plants suffer beyond {raw}",
        "pas d'arrosage bien qu'il manque {lacking} mm sur {taw}, stress au-delà de {raw}",
    ),
    "water_left_out": ("left out, it stays closed: {why}", "laissée de côté, elle reste fermée : {why}"),
    "water_held_forbidden": ("no hour is allowed tonight", "aucune heure autorisée cette nuit"),
    "water_held_most_cycles": ("no more cycles are allowed tonight", "pas plus de cycles autorisés cette nuit"),
    "water_held_window": ("its hours are full", "ses heures sont pleines"),
    "water_held_network": ("the pipe of {name} is full", "la conduite de {name} est pleine"),
    "water_held_budget": ("the water of {name} is used up", "l'eau de {name} est épuisée"),
    "water_budget": ("water counted by {budget}", "eau comptée par {budget}"),
    "water_held_nothing": ("water there dearer than what they lack", "l'eau y coûte plus que ce qui leur manque"),
    # what a plan comes to
    "water_planned": (
        "{m3} m³ planned for {zones} of {all} hydrozones; the monthly timer gives {usual} m³.",
        "{m3} m³ prévus pour {zones} hydrozones sur {all} ; le programmateur mensuel donne {usual} m³.",
    ),
    "water_lacks": (
        "Hydrozones expected to lack water after the coming day: {names}. Why: {held}. Limits: {bounds}.",
        "Hydrozones qui manqueront d'eau après la journée à venir : {names}. Cause : {held}. Limites : {bounds}.",
    ),
    "water_out": (
        "Hydrozones left out, they stay closed: {names}. See consigne irrigation zones.",
        "Hydrozones laissées de côté, elles restent fermées : {names}. Voir consigne irrigation zones.",
    ),
    # hydrozones
    "hydrozones_head": (
        "{zones} hydrozones; plants are believed to lack water in {lacking} of them (!).",
        "{zones} hydrozones ; les plantes manqueraient d'eau dans {lacking} d'entre elles (!).",
    ),
    "hydrozones_valve": ("valve", "vanne"),
    "hydrozones_planting": ("planting", "plantation"),
    "hydrozones_depletion": ("lacks mm / TAW", "manque mm / RU"),
    "hydrozones_raw": ("RAW mm", "RFU mm"),
    "hydrozones_known_by": ("known by", "connu par"),
    "hydrozones_watered": ("seen open", "vue ouverte"),
    "hydrozones_cycles": ("cycles tonight", "cycles cette nuit"),
    "hydrozones_m3": ("m³", "m³"),
    "planting_turf": ("turf", "gazon"),
    "planting_sports_turf": ("sports turf", "gazon sportif"),
    "planting_shrubs": ("shrubs", "arbustes"),
    "planting_flowerbed": ("flowerbed", "massif fleuri"),
    "planting_trees": ("trees", "arbres"),
    "planting_young_trees": ("young trees", "jeunes arbres"),
    "known_probe": ("{probe}", "{probe}"),
    "known_borrowed": ("{probe}, borrowed", "{probe}, empruntée"),
    "known_balance": ("balance alone", "bilan seul"),
    "verdict_silent": ("silent", "muette"),
    "verdict_stuck": ("stuck", "bloquée"),
    "verdict_saturated": ("wetter than soil stays", "plus humide qu'un sol"),
    "verdict_biased": ("corrected", "corrigée"),
    "verdict_out_of_soil": ("out of the soil", "hors du sol"),
    "verdict_unit_mixed": ("unit unclear", "unité incertaine"),
    # what a winter says of field capacity
    "capacity_head": (
        "Field capacity by probes, {first} to {last}: rain known on {rain_days} of {days} days",
        "Capacité au champ selon les sondes, du {first} au {last} : pluie connue {rain_days} jours sur {days}",
    ),
    "capacity_valve": ("valve", "vanne"),
    "capacity_probe": ("probe", "sonde"),
    "capacity_in_use": ("in use m³/m³", "utilisée m³/m³"),
    "capacity_from": ("from", "d'après"),
    "capacity_learnt": ("by its probe", "selon la sonde"),
    "capacity_events": ("fillings", "remplissages"),
    "capacity_heard": ("days heard", "jours reçus"),
    "capacity_write": ("write field capacity / wilting point", "à inscrire capacité au champ / flétrissement"),
    "stated_valve": ("its valve", "sa vanne"),
    "stated_garden": ("its garden", "son jardin"),
    "stated_table": ("table: {soil}", "table : {soil}"),
    "calibrated_doubted": ("nothing: its probe is {verdict}", "rien : sonde {verdict}"),
    "calibrated_few": (
        "nothing: filled and drained less than {wanted} times",
        "rien : rempli et ressuyé moins de {wanted} fois",
    ),
    "calibrated_far": (
        "nothing: {most} off or more; look at the probe and at what soil is stated",
        "rien : écart de {most} ou plus ; vérifier la sonde et le sol déclaré",
    ),
    "calibrated_refused": ("nothing: {why}", "rien : {why}"),
    "capacity_without": (
        "{zones} hydrozones have no probe: what is in use stays.",
        "{zones} hydrozones n'ont pas de sonde : la valeur utilisée reste.",
    ),
    "capacity_written": (
        "{zones} valves written, field_capacity and wilting_point → consigne territory import {folder}",
        "{zones} vannes écrites, field_capacity et wilting_point → consigne territory import {folder}",
    ),
    "capacity_out": (
        "{zones} valves to be written → --out FOLDER, then consigne territory import FOLDER",
        "{zones} vannes à inscrire → --out DOSSIER, puis consigne territory import DOSSIER",
    ),
    "capacity_none": ("Nothing to be written.", "Rien à inscrire."),
    # what nights came to
    "water_report_head": (
        "Irrigation, nights from {first} to {last}: {nights} with a plan in force",
        "Arrosage, nuits du {first} au {last} : {nights} avec un plan en vigueur",
    ),
    "water_report_of": ("of", "de"),
    "water_report_zones": ("hydrozones", "hydrozones"),
    "water_report_planned": ("m³ planned", "m³ prévus"),
    "water_report_measured": ("measured", "mesurés"),
    "water_report_timer": ("monthly timer", "programmateur"),
    "water_report_saved": ("against the timer", "écart à celui-ci"),
    "water_report_stress": ("days of stress", "jours de stress"),
    "water_no_garden": ("no garden", "sans jardin"),
}
