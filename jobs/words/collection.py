"""Of waste collection: why a container is in the round, what a plan comes to. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    # what is left out of planning
    "collect_asset_wrong": ("its attributes are wrong: {what}", "ses attributs sont faux : {what}"),
    "collect_fraction_unknown": (
        "its kind of waste, {fraction}, is none of collection.yaml: {known}",
        "son flux, {fraction}, n'est pas dans collection.yaml : {known}",
    ),
    "collect_truck_out": ("it says that it is out of service", "elle se dit hors service"),
    "collect_truck_held": ("{by} holds it: {why}", "{by} la suspend : {why}"),
    "collect_site_closed": ("it says that it is closed", "il se dit fermé"),
    "collect_no_service": (
        "{day} is a day without collection",
        "le {day} est un jour sans collecte",
    ),
    "collect_over": ("the shifts of the day are over", "les postes du jour sont finis"),
    "collect_no_truck": ("no truck is in service", "aucune benne n'est en service"),
    # why a container is in the round, or is not
    "collect_served": (
        "emptied at {at} by {truck}, stop {number}: {why}",
        "vidé à {at} par {truck}, arrêt {number} : {why}",
    ),
    "collect_because_required": (
        "{level} full then; unless emptied, {next} likely to overflow before the round of the next day of service",
        "plein à {level} à ce moment ; sans vidage, {next} de risque qu'il déborde avant la tournée suivante",
    ),
    "collect_because_due": (
        "nobody has heard of it for {days}, longer than its kind of waste may be left",
        "sans nouvelle depuis {days}, plus que son flux ne le permet",
    ),
    "collect_because_prize": (
        "{level} full then; overflows before the next round: {next}, the second: {after}; worth {prize} to empty",
        "plein à {level} alors ; déborde avant la tournée suivante : {next}, la seconde : {after} ; vaut {prize} vidé",
    ),
    "collect_not_wanted": (
        "not in the round: {level} full by then; overflows before the next round: {next}, before the second: {after}",
        "pas dans la tournée : plein à {level} ; déborde avant la tournée suivante : {next}, la seconde : {after}",
    ),
    "collect_left": ("not in the round: {why} ({because})", "pas dans la tournée : {why} ({because})"),
    "collect_out_of_plan": ("left out of planning: {why}", "hors planification : {why}"),
    "collect_nobody_drives": ("nobody drives: {why}", "personne ne roule : {why}"),
    "collect_done_today": (
        "emptied earlier that day: {truck}, stop {number}, {at}",
        "déjà vidé ce jour-là : {truck}, arrêt {number}, {at}",
    ),
    "collect_why_unreachable": ("there is no way to it", "aucun chemin n'y mène"),
    "collect_why_skill": (
        "no truck in service takes its kind of waste, or enters its street",
        "aucune benne en service ne prend son flux ou n'entre dans sa rue",
    ),
    "collect_why_capacity": ("no truck holds so much", "aucune benne ne peut en prendre autant"),
    "collect_why_window": (
        "no truck gets there and back while it may",
        "aucune benne ne peut y aller et revenir aux heures permises",
    ),
    "collect_why_together": (
        "what must be served with it cannot be",
        "ce qui doit être servi avec lui ne peut pas l'être",
    ),
    "collect_why_prize": (
        "to empty it costs {cost}, more than it is worth",
        "le vider coûte {cost}, plus qu'il ne vaut",
    ),
    "collect_why_prize_unknown": ("to empty it costs more than it is worth", "le vider coûte plus qu'il ne vaut"),
    "collect_why_full": ("the rounds have no room left for it", "les tournées n'ont plus de place pour lui"),
    "collect_days": ("{days} days", "{days} jours"),
    "collect_never": ("all the time looked at", "toute la période regardée"),
    # what a truck does
    "collect_truck_round": (
        "{stops} stops, {km} km, {start} to {end}, about {kg} kg: {fraction}",
        "{stops} arrêts, {km} km, de {start} à {end}, environ {kg} kg : {fraction}",
    ),
    "collect_truck_idle": ("no round on this day", "pas de tournée ce jour-là"),
    # what stands behind it
    "collect_fact_kind": ("waste", "flux"),
    "collect_fact_level": (
        "believed {level} full (± {sd}), {day} more a day; {then} when its truck would come",
        "estimé plein à {level} (± {sd}), {day} de plus par jour ; {then} au passage de la benne",
    ),
    "collect_fact_sensor": ("sensor", "capteur"),
    "collect_fact_heard": ("heard of {days} days ago", "nouvelles d'il y a {days} j"),
    "collect_fact_heard_now": ("heard of today", "nouvelles du jour"),
    "collect_fact_unheard": ("not heard of in all the time looked at", "sans nouvelle sur toute la période regardée"),
    "collect_fact_risk": (
        "unless emptied, overflows before the next round: {next}, before the second: {after}",
        "sans vidage, déborde avant la tournée suivante : {next}, avant la seconde : {after}",
    ),
    "collect_fact_required": ("to be emptied whatever it costs", "à vider quoi qu'il en coûte"),
    "collect_fact_worth": ("emptying it is worth {prize}", "le vider vaut {prize}"),
    "collect_fact_costs": ("and would cost {cost}", "et coûterait {cost}"),
    "collect_fact_lid": ("lid", "couvercle"),
    "collect_fact_last": (
        "stop by plan: {number}, {container}; its round:",
        "arrêt prévu : {number}, {container} ; sa tournée :",
    ),
    "collect_fact_not_yet": ("not at a stop yet; its round:", "pas encore à un arrêt ; sa tournée :"),
    # lids
    "collect_lid_open": ("open: {why}", "ouvert : {why}"),
    "collect_lid_room": ("it has room until it is emptied", "il a de la place jusqu'à son vidage"),
    "collect_lid_alone": (
        "{chance} likely to be full before it is emptied, but no container of its kind within {metres} m has room",
        "à {chance} plein avant son vidage, mais aucun conteneur du même flux à moins de {metres} m n'a de place",
    ),
    "collect_lid_locked": (
        "locked from {at} until it is emptied: {chance} likely to be full; {other} has room, {metres} m away",
        "verrouillé de {at} à son vidage : probablement plein ({chance}) ; {other} a de la place, à {metres} m",
    ),
    # roads
    "collect_closed_unknown": (
        "Without a map of the roads nobody is led around what is closed to all traffic: {names}.",
        "Sans carte des routes, personne n'est détourné de ce qui est fermé à toute circulation : {names}.",
    ),
    "collect_no_osrm": ("Drives are not by OSRM: {why}", "Trajets sans OSRM : {why}"),
    "collect_roads_closed": ("Roads closed to all traffic: {names}.", "Routes fermées à toute circulation : {names}."),
    "collect_far": (
        "On no road that trucks may use, so out of reach: {names}. Check their coordinates.",
        "Sur aucune route ouverte aux bennes, donc hors d'atteinte : {names}. Vérifier leurs coordonnées.",
    ),
    # what a plan comes to
    "collect_planned": (
        "{bins} of {all} containers are emptied by {trucks} trucks of {fleet}: {km} km, {hours} h, about {kg} kg.",
        "{bins} conteneurs sur {all} sont vidés par {trucks} bennes sur {fleet} : {km} km, {hours} h, environ {kg} kg.",
    ),
    "collect_closed": ("No round: {why}.", "Pas de tournée : {why}."),
    "collect_must_but": (
        "Containers that should be emptied and are not: {names}. Why: {why}.",
        "Conteneurs qui devraient être vidés et ne le sont pas : {names}. Cause : {why}.",
    ),
    "collect_may_but": (
        "{count} that may wait do, most at risk {names}: {risk} likely to overflow before the next round.",
        "{count} qui peuvent attendre attendent, le plus à risque {names} : déborde avant la suivante à {risk}.",
    ),
    "collect_out": (
        "Left out of planning: {names}. See consigne collection list.",
        "Hors planification : {names}. Voir consigne collection list.",
    ),
    "collect_trucks_out": ("Trucks and sites that are out: {names}.", "Bennes et exutoires hors service : {names}."),
    "collect_sensors": (
        "Sensors not believed: {names}. Their containers are judged by what usually comes.",
        "Capteurs non crus : {names}. Leurs conteneurs sont jugés par ce qui vient d'habitude.",
    ),
    "collect_again": (
        "Planned again as things stood at {at}: {done} containers were emptied by then, {moved} change trucks.",
        "Replanifié sur la situation de {at} : {done} conteneurs étaient vidés, {moved} changent de benne.",
    ),
    "collect_approximate": (
        "Drives were reckoned without a map of the roads: times and kilometres are rough.",
        "Trajets calculés sans carte des routes : durées et kilomètres approximatifs.",
    ),
}
