"""Of roads and distances. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    "doing_roads_import": (
        "reading roads",
        "lecture des routes",
    ),
    "doing_roads_make": ("making roads", "création des routes"),
    "doing_roads_check": (
        "examining roads",
        "examen des routes",
    ),
    "doing_roads_matrix": (
        "finding ways",
        "recherche des itinéraires",
    ),
    "roads_head": (
        "{origin}: {nodes} nodes, {pieces} pieces of road by direction. {licence}",
        "{origin} : {nodes} nœuds, {pieces} tronçons par sens de circulation. {licence}",
    ),
    "roads_profile": (
        "vehicle",
        "véhicule",
    ),
    "roads_usable": (
        "pieces",
        "tronçons",
    ),
    "roads_parts": (
        "parts",
        "parties",
    ),
    "roads_main": (
        "in largest",
        "dans la plus grande",
    ),
    "roads_cut": (
        "pairs cut off",
        "paires coupées",
    ),
    "roads_detour": (
        "road / straight",
        "route / vol d'oiseau",
    ),
    "roads_apart": (
        "the roads fall apart: between {cut} of pairs of places there is no way; nothing was kept",
        "les routes sont morcelées : aucun itinéraire pour {cut} des paires de lieux ; rien n'a été conservé",
    ),
    "roads_advice": (
        (
            "Where roads cannot be reached from the rest, the extract was perhaps cut too close: take one some "
            "10 km wider, with whole ways (osmium extract --strategy=complete_ways). Places there go onto the "
            "nearest road that can be reached, up to 200 m off; others are left out, with that reason."
        ),
        (
            "Si des routes sont inaccessibles depuis le reste, l'extrait est peut-être coupé trop court : en "
            "prendre un plus large d'une dizaine de km, à voies entières (osmium extract "
            "--strategy=complete_ways). Leurs lieux sont rattachés à la route accessible la plus proche, à 200 "
            "m au plus ; les autres sont écartés, avec ce motif."
        ),
    ),
    "roads_skipped": (
        (
            "Left out: {nodes} nodes that ways name and the extract lacks; {restrictions} turn restrictions "
            "(over a way, of an unknown kind, or where no road is)"
        ),
        (
            "Écartés : {nodes} nœuds cités par des voies et absents de l'extrait ; {restrictions} interdictions"
            " de tourner (par une voie, d'un type inconnu, ou hors des routes)"
        ),
    ),
    "roads_none": (
        "No map: distances are great circles times 1.3, approximate (consigne roads import FILE.osm.pbf)",
        "Sans carte : distances à vol d'oiseau × 1,3, approximatives (consigne roads import FICHIER.osm.pbf)",
    ),
    "roads_made": (
        "No map: roads were made of the territory's lamps, distances are approximate",
        "Sans carte : routes déduites des points lumineux du territoire, distances approximatives",
    ),
    "roads_far": (
        "{place} is {off} m from the nearest road that a {profile} may use and come back from",
        "{place} est à {off} m de la route la plus proche qu'un véhicule {profile} peut emprunter et quitter",
    ),
    "roads_nowhere": (
        "{place}: there is no road that a {profile} may use and come back from",
        "{place} : aucune route qu'un véhicule {profile} puisse emprunter et quitter",
    ),
    "roads_missed": ("not by OSRM: {why}", "pas par OSRM : {why}"),
    "roads_swapped": (
        "longitude and latitude seem swapped",
        "longitude et latitude semblent inversées",
    ),
}
