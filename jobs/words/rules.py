"""Of rules: test, check, replay. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
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
