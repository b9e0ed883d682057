"""Of what a plan of rounds came to, and one of their crews. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    "figure_approximate": ("drives reckoned without a map", "trajets estimés sans carte"),
    "figure_distance": ("distance, km", "distance, km"),
    "figure_hours": ("time out, h", "temps de sortie, h"),
    "figure_driving": ("of which driving, h", "dont conduite, h"),
    "figure_waiting": ("of which waiting, h", "dont attente, h"),
    "figure_overtime": ("overtime, h", "heures supplémentaires, h"),
    "figure_vehicles": ("vehicles used, of {of}", "véhicules utilisés, sur {of}"),
    "figure_served": ("stops served, of {of}", "arrêts desservis, sur {of}"),
    "figure_left_unreachable": ("left out: no way leads there", "laissés : aucun chemin n'y mène"),
    "figure_left_skill": (
        "left out: no vehicle that may has what it takes",
        "laissés : aucun véhicule admis n'a ce qu'il faut",
    ),
    "figure_left_capacity": ("left out: more than any vehicle holds", "laissés : plus que n'emporte un véhicule"),
    "figure_left_window": (
        "left out: closed when a vehicle can be there",
        "laissés : fermés quand un véhicule peut y être",
    ),
    "figure_left_together": (
        "left out with one that cannot be served",
        "laissés avec un autre qui ne peut être desservi",
    ),
    "figure_left_prize": ("left out: serving it costs more", "laissés : les desservir coûte davantage"),
    "figure_left_full": ("left out: no room beside the others", "laissés : plus de place à côté des autres"),
    "figure_prizes": ("cost of optional stops left out, {unit}", "coût des arrêts facultatifs laissés, {unit}"),
    "figure_unloadings": ("unloadings", "vidages"),
    "figure_fill": ("fill of a trip, {dimension}, %", "remplissage d'un trajet, {dimension}, %"),
    "figure_moved": (
        "stops that another vehicle serves than before",
        "arrêts dont le véhicule change",
    ),
    "figure_covered": ("rounds with a crew, of {of}", "tournées pourvues d'une équipe, sur {of}"),
    "figure_crew": ("{crew}: hours, in {rounds} rounds", "{crew} : heures, en {rounds} tournées"),
    "figure_without_skill": ("without: no crew has what it takes", "sans équipe : aucune n'a ce qu'il faut"),
    "figure_without_away": (
        "without: those that could are not there",
        "sans équipe : les capables sont absentes",
    ),
    "figure_without_hours": (
        "without: longer than they may work",
        "sans équipe : au-delà de leur temps de travail",
    ),
    "figure_without_worth": ("without: it is worth less", "sans équipe : elle vaut moins"),
    "figure_without_full": ("without: no time beside the others", "sans équipe : plus de temps à côté des autres"),
}
