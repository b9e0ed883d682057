"""What operators read, in English and in French. Logs and identifiers stay in English."""

from typing import Literal

Lang = Literal["en", "fr"]
LANGUAGES: tuple[Lang, ...] = ("en", "fr")

_WORDS: dict[str, tuple[str, str]] = {
    # the demo's table and report
    "title": ("One night of street lighting", "Une nuit d'éclairage public"),
    "readings_received": ("Readings received", "Mesures reçues"),
    "readings_stored": ("— stored", "— enregistrées"),
    "readings_refused": ("— refused", "— refusées"),
    "rules_risen": ("Rules that rose", "Règles établies"),
    "alarms_raised": ("Alarms raised", "Alarmes levées"),
    "alarms_cleared": ("Alarms returned to normal", "Alarmes revenues à la normale"),
    "worked_on": (
        "Cabinets worked on by hand; commands sent meanwhile",
        "Armoires en travaux ; ordres envoyés pendant",
    ),
    "lamps_planned": ("Lamps planned", "Points lumineux planifiés"),
    "commands_sent": ("Commands issued", "Ordres émis"),
    "commands_acknowledged": ("— acknowledged by equipment", "— acquittés par l'équipement"),
    "energy": ("Energy of the night, planned", "Énergie de la nuit, planifiée"),
    "energy_fixed": ("Energy, fixed 100/70/50 program", "Énergie, programme fixe 100/70/50"),
    "under_lit": ("Lamp-time under the class needed, planned", "Temps-lampe sous la classe requise, planifié"),
    "under_lit_fixed": ("Lamp-time under the class needed, fixed", "Temps-lampe sous la classe requise, fixe"),
    "deep": ("of it two classes or more", "dont deux classes ou plus"),
    "seconds": ("Time taken", "Durée"),
    "report": ("Report", "Rapport"),
    "next": ("Type next", "Tapez ensuite"),
    "then": ("And, for the rules", "Et, pour les règles"),
    "needed": ("needed by the traffic that came", "requis par le trafic réel"),
    "planned": ("planned", "planifié"),
    "fixed": ("fixed 100/70/50", "fixe 100/70/50"),
    "flux_axis": ("mean light output, %", "flux moyen, %"),
    "map": ("The lamps, by mean output over the night", "Les points lumineux, par flux moyen de la nuit"),
    "curve": ("The night's curve", "La courbe de la nuit"),
    "ask": ("Ask why", "Demander pourquoi"),
    "lamp": ("Lamp", "Point lumineux"),
    "road": ("Road", "Voie"),
    "class": ("Class", "Classe"),
    "mean_output": ("Mean output", "Flux moyen"),
    "state": ("Last command", "Dernier ordre"),
    "counts_real": ("Traffic: real hourly counts of {files}", "Trafic : comptages horaires réels de {files}"),
    "counts_made": ("Traffic: made counts (seed {seed})", "Trafic : comptages simulés (graine {seed})"),
    # progress
    "step_night": ("the night, quarter hour by quarter hour", "la nuit, quart d'heure par quart d'heure"),
    # command states
    "verified": ("verified by read-back", "vérifiés par relecture"),
    "failed": ("failed, with an alarm", "échoués, avec alarme"),
    "expired": ("expired: not delivered in time", "expirés : non remis à temps"),
    "superseded": ("superseded by a newer one", "remplacés par un plus récent"),
    "rejected": ("rejected by the equipment", "refusés par l'équipement"),
    "cancelled": ("cancelled", "annulés"),
    # why
    "why_none": ("Nothing was asked of {point} at {at}.", "Rien n'était demandé à {point} à {at}."),
    "why_head": ("{point} at {at}: {value}", "{point} à {at} : {value}"),
    "why_default": (
        "the safe default: no one wanted anything else",
        "la valeur sûre : personne ne voulait autre chose",
    ),
    "why_held": (
        "Held until {until} ({scope} {subject}) by {by}: {reason}. Levels 10 to 15 were not sent.",
        "Suspendu jusqu'à {until} ({scope} {subject}) par {by} : {reason}. Niveaux 10 à 15 non envoyés.",
    ),
    "why_locked": (
        "Locked out in the field since {since} ({asset}): nothing was sent.",
        "Verrouillé sur place depuis {since} ({asset}) : rien n'a été envoyé.",
    ),
    "batch": ("batch", "lot"),
    "winner": ("Decided by", "Décidé par"),
    "losers": ("Not followed", "Non suivis"),
    "envelope": ("Envelope", "Enveloppe"),
    "behind": ("Behind it", "Ce qui le fonde"),
    "command": ("Command", "Ordre"),
    "level": ("level", "niveau"),
    "version": ("version", "version"),
    "no_command": (
        "no command: the equipment already did this",
        "aucun ordre : l'équipement le faisait déjà",
    ),
    # setpoints and holds
    "setpoint_point": ("point", "point"),
    "setpoint_value": ("value", "valeur"),
    "setpoint_level": ("level", "niveau"),
    "setpoint_source": ("source", "source"),
    "setpoint_until": ("until", "jusqu'à"),
    "setpoint_command": ("command", "ordre"),
    "setpoint_marks": ("marks", "marques"),
    "held_until": ("held until {until}", "suspendu jusqu'à {until}"),
    "locked_out": ("locked out in the field", "verrouillé sur place"),
    "domain": ("domain", "domaine"),
    "zone": ("zone", "zone"),
    "point": ("point", "point"),
    "hold_scope": ("scope", "portée"),
    "hold_subject": ("what", "quoi"),
    "hold_since": ("since", "depuis"),
    "hold_until": ("until", "jusqu'à"),
    "hold_by": ("by", "par"),
    "hold_reason": ("reason", "motif"),
    "hold_none": ("Nothing is held.", "Rien n'est suspendu."),
    "hold_put": (
        "The {scope} {subject} is held until {until} ({points} points): consigne resume {subject} ends it.",
        "Suspension jusqu'à {until} : {scope} {subject} ({points} points) ; consigne resume {subject} y met fin.",
    ),
    "hold_ended": ("The {scope} {subject} goes on.", "Reprise : {scope} {subject}."),
    # audit
    "chain_whole": ("The chain is whole: {lines} lines.", "La chaîne est entière : {lines} lignes."),
    "chain_broken": (
        "The chain is broken at line {seq}{number}: {what}. The {lines} before it fit.",
        "La chaîne est rompue à la ligne {seq}{number} : {what}. Les {lines} précédentes sont justes.",
    ),
    "chain_unsealed": ("{count} lines wait to be sealed.", "{count} lignes attendent d'être scellées."),
    "chain_head": ("Last hash (keep it elsewhere): {head}", "Dernière empreinte (à garder ailleurs) : {head}"),
    "chain_exported": ("{count} lines in {file}", "{count} lignes dans {file}"),
    # large moves
    "batch_pending": ("waits for a second person until {until}", "attend une deuxième personne jusqu'au {until}"),
    "batch_canary": ("the first few are on their way", "les premiers sont en route"),
    "batch_released": ("released", "libéré"),
    "batch_stopped": ("stopped: too many failed", "arrêté : trop d'échecs"),
    "batch_refused": ("refused by {by}", "refusé par {by}"),
    "batch_expired": ("over: nobody approved it", "échu : personne ne l'a approuvé"),
    "batch_head": (
        "{id}: {commands} commands of {domain}, made by {made_by} at {at}",
        "{id} : {commands} ordres de {domain}, par {made_by} le {at}",
    ),
    "batch_because": ("held because", "retenu parce que"),
    "batch_fares": ("its commands", "ses ordres"),
    "batch_first": ("the first few", "les premiers"),
    "batch-not-approved-about": (
        "{commands} commands of {domain} move so much that they wait for a second person.",
        "{commands} ordres de {domain} changent tant de choses qu'ils attendent une deuxième personne.",
    ),
    "batch-not-approved-action": (
        "consigne approval show {batch}, then approve or refuse",
        "consigne approval show {batch}, puis approve ou refuse",
    ),
    "batch-stopped-about": (
        "A batch of {commands} commands of {domain} was stopped: too many failed. The rest is not sent.",
        "Un lot de {commands} ordres de {domain} est arrêté : trop d'échecs. Le reste n'est pas envoyé.",
    ),
    "batch-stopped-action": (
        "consigne approval show {batch}; find what fails before the same is asked again",
        "consigne approval show {batch} ; chercher ce qui échoue avant que la même chose soit redemandée",
    ),
    # doctor
    "ok": ("ok", "ok"),
    "degraded": ("degraded", "dégradé"),
    "down": ("down", "en panne"),
    # alarms and work orders
    "critical": ("critical", "critique"),
    "high": ("high", "haute"),
    "medium": ("medium", "moyenne"),
    "low": ("low", "basse"),
    "normal": ("normal", "normale"),
    "unacknowledged": ("unacknowledged", "non acquittée"),
    "acknowledged": ("acknowledged", "acquittée"),
    "rtn_unacknowledged": ("returned, unacknowledged", "revenue, non acquittée"),
    "shelved": ("shelved", "mise de côté"),
    "suppressed_by_design": ("suppressed by design", "supprimée par conception"),
    "out_of_service": ("out of service", "hors service"),
    "latched": ("latched", "maintenue"),
    "alarm_id": ("id", "n°"),
    "alarm_priority": ("priority", "priorité"),
    "alarm_rule": ("rule", "règle"),
    "alarm_asset": ("asset", "objet"),
    "alarm_state": ("state", "état"),
    "alarm_since": ("since", "depuis"),
    "alarm_answer": ("to respond", "pour répondre"),
    "alarm_aside": ("Put aside: {what} (--state shows them)", "Mises de côté : {what} (--state les montre)"),
    "alarm_none": ("No alarm.", "Aucune alarme."),
    "alarm_head": ("Alarm {id}: {rule} on {asset}", "Alarme {id} : {rule} sur {asset}"),
    "alarm_about": ("What", "Quoi"),
    "alarm_consequence": ("If nothing is done", "Si rien n'est fait"),
    "alarm_action": ("What to do", "Que faire"),
    "alarm_respond": ("Answer by", "Répondre avant"),
    "alarm_left": ("{left} left", "encore {left}"),
    "alarm_late": ("{late} late", "{late} de retard"),
    "alarm_cause": ("Because", "Parce que"),
    "alarm_history": ("Since then", "Depuis"),
    "alarm_told": ("Who was told", "Qui a été prévenu"),
    "alarm_acted": ("alarm {id}: {rule} on {asset} is {state}", "alarme {id} : {rule} sur {asset}, {state}"),
    "figures_head": ("{count} alarms from {start} to {until}", "{count} alarmes du {start} au {until}"),
    "figures_most": ("{value} at most", "{value} au plus"),
    "figures_about": ("about {value}", "environ {value}"),
    "figures_average": ("in ten minutes, on average", "en dix minutes, en moyenne"),
    "figures_peak": ("in ten minutes, at the worst moment", "en dix minutes, au pire moment"),
    "figures_flooded": (
        "of the time in a flood (more than 10 in 10 min)",
        "du temps en avalanche (plus de 10 en 10 min)",
    ),
    "figures_chattering": ("chattering (3 in a minute)", "qui bagottent (3 en une minute)"),
    "figures_stale": ("standing for more than a day", "établies depuis plus d'un jour"),
    "figures_frequent": ("of all alarms from the ten rules below", "des alarmes viennent des dix règles ci-dessous"),
    "figures_share_critical": ("of critical priority", "de priorité critique"),
    "figures_share_high": ("of high priority", "de priorité haute"),
    "figures_share_medium": ("of medium priority", "de priorité moyenne"),
    "figures_share_low": ("of low priority", "de priorité basse"),
    "figures_chatters": ("chatters: {rule} on {asset}, {count} times", "bagotte : {rule} sur {asset}, {count} fois"),
    "figures_stands": (
        "stands: alarm {id}, {rule} on {asset}, since {since}",
        "établie : alarme {id}, {rule} sur {asset}, depuis le {since}",
    ),
    "figures_flood": ("flood: {count} from {start} to {until}", "avalanche : {count} du {start} au {until}"),
    "order_title": ("title", "titre"),
    "order_within": ("within", "délai"),
    "order_by": ("closed by", "close par"),
    "order_note": ("note", "note"),
    "order_closed": ("work order {id} is closed: {rule} on {asset}", "intervention {id} close : {rule} sur {asset}"),
    # rules
    "rules_rolled_back": (
        "The rule files are those of version {version} again.",
        "Les fichiers de règles sont de nouveau ceux de la version {version}.",
    ),
    "rule_stands": ("{rule} stands for {subject} at {at}.", "{rule} est établie pour {subject} à {at}."),
    "rule_rests": ("{rule} does not stand for {subject} at {at}.", "{rule} n'est pas établie pour {subject} à {at}."),
    "rule_silenced": ("Its alarm is silenced by {by}.", "Son alarme est mise en silence par {by}."),
    "rule_set": (
        "Its condition has held since {since}, for {held}.",
        "Sa condition tient depuis {since}, soit {held}.",
    ),
    "rule_reset": (
        "Its condition to let go has held since {since}, for {held}.",
        "Sa condition de retour tient depuis {since}, soit {held}.",
    ),
    "rule_idle": (
        "Since {since} neither its condition nor the one to let go has held: it stays as it was.",
        "Depuis {since}, ni sa condition ni celle de retour ne tient : elle reste comme elle était.",
    ),
    "rule_waits": ("It acts after {delay}: {rest} to go.", "Elle agit après {delay} : encore {rest}."),
    "rule_sets": ("Condition:", "Condition :"),
    "rule_resets": ("Condition to let go:", "Condition de retour :"),
    "rule_age": ("{age} old", "âge {age}"),
    "rule_at_least": ("{since} at least", "{since} au moins"),
    "rule_never": ("nothing measured", "rien de mesuré"),
    "true": ("true", "vrai"),
    "false": ("false", "faux"),
    "unknown": ("unknown", "inconnu"),
    # rules: test
    "test_passed": ("{passed} of {all} scenarios pass", "{passed} scénarios sur {all} réussis"),
    "test_failed": ("FAILED  {place}  {name}", "ÉCHEC  {place}  {name}"),
    "test_expected": ("expected", "attendu"),
    "test_found": ("found", "trouvé"),
    "test_rule": ("rule", "règle"),
    "test_rises": ("rises", "se lève"),
    "test_silent": ("stays silent", "reste muette"),
    "test_missing": ("← wants a scenario", "← il manque un scénario"),
    "test_survived": (
        "{place}  {written} → {moved}: no scenario notices",
        "{place}  {written} → {moved} : aucun scénario ne le remarque",
    ),
    "test_held": (
        "{numbers} numbers, each moved both ways: {survivors} moves unnoticed",
        "{numbers} nombres, chacun déplacé dans les deux sens : {survivors} déplacements inaperçus",
    ),
    # rules: check, replay
    "check_none": (
        "{rules} rules, {scenarios} scenarios: nothing wrong",
        "{rules} règles, {scenarios} scénarios : aucune erreur",
    ),
    "replay_span": ("From {start} to {until}", "De {start} à {until}"),
    "replay_same": (
        "No rule says anything else in the new version.",
        "Aucune règle ne dit autre chose dans la nouvelle version.",
    ),
    "replay_rule": ("rule", "règle"),
    "replay_kind": ("says", "dit"),
    "replay_count": ("times", "fois"),
    "replay_old": ("old only", "ancienne seule"),
    "replay_new": ("new only", "nouvelle seule"),
    "replay_both": ("both", "les deux"),
}


_FRENCH = str.maketrans(",.", "\u202f,")


def say(key: str, lang: Lang, **values: object) -> str:
    """The text of a key in one of the two languages."""
    return _WORDS[key][lang == "fr"].format(**values)


def number(value: float, lang: Lang, digits: int = 0) -> str:
    """A number as the language writes it: 1,234.5 or 1 234,5 (narrow no-break space)."""
    text = f"{value:,.{digits}f}"
    return text.translate(_FRENCH) if lang == "fr" else text
