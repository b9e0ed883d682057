"""Of `consigne lighting`. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    # what asks for more light than traffic, and what allows less
    "raised-wet": ("a wet road: the normal class at least", "chaussée mouillée : au moins la classe normale"),
    "raised-event": ("event: {text}", "événement : {text}"),
    "bound-order": ("{order}: {text}", "{order} : {text}"),
    "bound-conflict": (
        "not kept, until somebody decides: {order}: {text}",
        "non respecté, jusqu'à décision : {order} : {text}",
    ),
    "conflict-crossings-about": (
        "{order} ({text}) would darken crossings: {crossings}. They stay lit, and {beside} lamps beside them.",
        "{order} ({text}) éteindrait des passages : {crossings}. Ils restent allumés, et {beside} lampes à côté.",
    ),
    "conflict-crossings-action": (
        "Have its authority decide: crossings: lit or dark, beside {order} in rules/orders.yaml; then plan again",
        "Faire décider son autorité : crossings: lit ou dark, sous {order} dans rules/orders.yaml ; puis replanifier",
    ),
    "conflict-beside-about": (
        "{order} ({text}): {beside} lamps stay lit against it, beside what is lit, or for want of programs.",
        "{order} ({text}) : {beside} lampes restent allumées, à côté de ce qui l'est, ou faute de programmes.",
    ),
    "conflict-beside-action": (
        "The chain in the alarm says what lifts them; have the order end where a street does, or take more programs",
        "La chaîne de l'alarme dit ce qui les relève ; finir l'arrêté en bout de rue, ou accepter plus de programmes",
    ),
    "conflict-streets-about": (
        "{order} ({text}) allows less than their class: {streets}. They keep it, and lift {beside} lamps beside them.",
        "{order} ({text}) permet moins que leur classe : {streets}. Elles la gardent, et {beside} lampes à côté.",
    ),
    "conflict-streets-action": (
        "Have its authority decide: streets: lit or dim, beside {order} in rules/orders.yaml; then plan again",
        "Faire décider son autorité : streets: lit ou dim, sous {order} dans rules/orders.yaml ; puis replanifier",
    ),
    # why a lamp burns as it does over a night
    "reason_cannot_dim": ("dusk to dawn: cannot dim", "du soir au matin : ne gradue pas"),
    "reason_conflict_area": ("{normal} all night: a conflict area", "{normal} toute la nuit : une zone de conflit"),
    "reason_detector": (
        "{lowest}, {normal} by itself while {detector} sees somebody",
        "{lowest}, {normal} d'elle-même tant que {detector} voit quelqu'un",
    ),
    "reason_no_history": (
        "{normal} all night: no traffic history",
        "{normal} toute la nuit : aucun historique de trafic",
    ),
    "reason_lowered": (
        "{normal} to {lowest} by P{quantile} of traffic at {where}",
        "{normal} à {lowest} selon le P{quantile} du trafic à {where}",
    ),
    "reason_normal": ("{normal}: P{quantile} of traffic at {where}", "{normal} : P{quantile} du trafic à {where}"),
    "reason_like_streets": ("like streets", "des rues semblables"),
    "reason_gives_way": ("{followed}; gives way for {budgets}", "{followed} ; cède pour {budgets}"),
    "gives-way": ("{given} only, for {budget}: {text}", "{given} seulement, pour {budget} : {text}"),
    "budget-takes": ("budget {id}: {taken}. {text}.", "budget {id} : {taken}. {text}."),
    "budget-energy": ("{kwh} of {limit} kWh", "{kwh} kWh sur {limit}"),
    "budget-peak": ("{kw} of {limit} kW at {at}", "{kw} kW sur {limit} à {at}"),
    "budget-passed": (
        "It cannot be kept by as much light as may give way: decide on more, or on less light.",
        "Il ne peut être tenu par la lumière qui peut céder : décider de l'augmenter, ou de moins éclairer.",
    ),
    "budget-gave": (
        "{gave} of {lamps} lamps give way for {kwh} kWh (classes at most: {classes}).",
        "{gave} lampes sur {lamps} cèdent pour {kwh} kWh (classes au plus : {classes}).",
    ),
    "budget-gave-nothing": ("No light gives way.", "Aucune lumière ne cède."),
    "budgets_head": ("Budgets, of the night of {night}: {count}", "Budgets, pour la nuit du {night} : {count}"),
    "budgets_budget": ("budget", "budget"),
    "budgets_holds": ("holds", "en vigueur"),
    "budgets_yes": ("yes", "oui"),
    "budgets_no": ("no", "non"),
    "budgets_lamps": ("lamps", "lampes"),
    "budgets_kwh": ("kWh a night", "kWh par nuit"),
    "budgets_kw": ("kW", "kW"),
    "budgets_gives_way": ("classes", "classes"),
    "budgets_from": ("from", "du"),
    "budgets_until": ("until", "au"),
    "lighting_p7": ("P7: no performance is determined.", "P7 : aucune performance n'est fixée."),
    "lighting_weighed": ("sum {sum} → {label}: {level:g} {unit}", "somme {sum} → {label} : {level:g} {unit}"),
    "lighting_example": (
        "The example of CEN/TR 13201-1, table A.2, {when}:",
        "L'exemple de CEN/TR 13201-1, tableau A.2, {when} :",
    ),
    "lighting_evening": ("in the evening", "le soir"),
    "lighting_small hours": ("in the small hours", "au cœur de la nuit"),
    "lighting_trimmed": (
        "Lamps that give more than their normal class wants: {count}. At its level they save {kwh} kWh a year.",
        "Points lumineux au-dessus de leur classe normale : {count}. À son niveau, {kwh} kWh de moins par an.",
    ),
    "lighting_too_small": (
        "Lamps too small for their normal class, planned full, to be replaced: {count}.",
        "Points lumineux trop faibles pour leur classe normale, planifiés à plein, à remplacer : {count}.",
    ),
    "lighting_over_the_law": (
        "More than the order of 27 December 2018 allows: {count}.",
        "Dépassements de l'arrêté du 27 décembre 2018 : {count}.",
    ),
    # the report
    "report_head": (
        "Street lighting, nights from {first} to {last}: {nights} with a plan in force",
        "Éclairage public, nuits du {first} au {last} : {nights} avec un plan en vigueur",
    ),
    "report_territory": ("Territory", "Territoire"),
    "report_no_cabinet": ("no cabinet", "sans armoire"),
    "report_lamps": ("lamps", "lampes"),
    "report_planned": ("kWh planned", "kWh planifiés"),
    "report_measured": ("measured", "mesurés"),
    "report_off": ("differs", "écart"),
    "report_less_fixed": ("than fixed", "du fixe"),
    "report_less_full": ("than full", "du plein flux"),
    "report_under": ("under-lit", "sous-éclairé"),
    "report_deep": ("deeply", "fortement"),
    "report_crossings": ("crossings", "passages"),
    "report_over": ("over-lit", "sur-éclairé"),
    "report_fixed_under": ("fixed: under-lit", "fixe : sous-éclairé"),
    "report_eur": ("€", "€"),
    "report_eur_fixed": ("fixed €", "fixe €"),
    "report_co2": ("kg CO2", "kg CO2"),
    "report_switches": ("switches", "commutations"),
    "report_pdi": ("D_P mW/(lx m²)", "D_P mW/(lx m²)"),
    "report_aeci": ("D_E Wh/m²", "D_E Wh/m²"),
    "report_unplanned": (
        "{nights} nights without a plan in force, the first {first}: not counted.",
        "{nights} nuits sans plan en vigueur, la première {first} : non comptées.",
    ),
    "report_unmeasured": (
        "{cabinets} cabinet-nights without a measurement: the difference is of the others.",
        "{cabinets} armoires-nuits sans mesure : l'écart est celui des autres.",
    ),
    "report_under_budget": (
        "Under-lit because light gave way for a budget: {share} of lamp-time, which under-lit contains.",
        "Sous-éclairé parce que la lumière a cédé pour un budget : {share} du temps-lampe, compris dans sous-éclairé.",
    ),
    "report_far": (
        "Cabinets more than 10 % from the plan: {cabinets} ({names}): lit by hand, detectors or rules, or a fault.",
        "Armoires à plus de 10 % du plan : {cabinets} ({names}) : allumées à la main, par détection, règle ou défaut.",
    ),
    "report_no_area": (
        "{lamps} lamps state no area_m2: they are not in D_P and D_E.",
        "{lamps} lampes n'indiquent pas area_m2 : elles ne sont pas dans D_P et D_E.",
    ),
    "report_unread": (
        "{lamps} lamps have data that cannot be read and are not counted: consigne territory check.",
        "{lamps} lampes ont des données illisibles et ne sont pas comptées : consigne territory check.",
    ),
    "report_contract": (
        "Contract {name}: {about}. Without taxes and standing charge.",
        "Contrat {name} : {about}. Hors taxes et abonnement.",
    ),
    "report_carbon": (
        "Carbon: {g} g CO2/kWh from {day} on ({source}).",
        "Carbone : {g} g CO2/kWh depuis le {day} ({source}).",
    ),
}
