"""Of energy: why a battery, a room, a charging point does what it does, what a plan and days come to. Each (English,
French)."""

USES = {
    "school": ("school", "école"),
    "nursery": ("nursery", "crèche"),
    "sports": ("sports", "sport"),
    "culture": ("culture", "culture"),
    "office": ("office", "bureaux"),
}
"""What buildings are used for, of those shipped in `energy.yaml`."""

WORDS: dict[str, tuple[str, str]] = {
    # what was not known
    "energy_lost_batteries": (
        "batteries not heard lately, taken to hold their reserve: {names}",
        "batteries muettes, supposées à leur réserve : {names}",
    ),
    "energy_lost_rooms": (
        "buildings without a room sensor heard lately, taken to be cool: {names}",
        "bâtiments sans sonde d'ambiance récente, supposés frais : {names}",
    ),
    "energy_lost_tanks": (
        "water heaters not heard lately, taken to be cool: {names}",
        "ballons muets, supposés froids : {names}",
    ),
    "energy_guessed_vehicles": (
        "vehicles that told neither need nor departure, a usual one is taken: {names}",
        "véhicules sans besoin ni départ annoncés, pris comme habituels : {names}",
    ),
    # what devices do over a plan
    "energy_battery_sum": ("charges {taken} kWh, gives {given} kWh", "charge {taken} kWh, rend {given} kWh"),
    "energy_vehicle_sum": (
        "{kwh} kWh planned of {wanted} wanted by {at}",
        "{kwh} kWh prévus sur {wanted} demandés pour {at}",
    ),
    "energy_vehicle_none": (
        "no vehicle is known: who comes charges as far as the contract leaves room",
        "aucun véhicule connu : qui arrive charge dans la limite du contrat",
    ),
    "energy_solar_sum": ("{taken} kWh taken, {left} kWh left", "{taken} kWh pris, {left} kWh laissés"),
    "energy_rooms_sum": ("{kwh} kWh of heat, {low} to {high} °C", "{kwh} kWh de chaleur, {low} à {high} °C"),
    "energy_tanks_sum": ("{kwh} kWh of heat, {low} to {high} °C", "{kwh} kWh de chaleur, {low} à {high} °C"),
    # what they do in a slot
    "energy_battery_charges": (
        "charges {kw} kW, {share} % stored after; {band}",
        "charge à {kw} kW, {share} % stockés ensuite ; {band}",
    ),
    "energy_battery_gives": (
        "gives {kw} kW, {share} % stored after; {band}",
        "rend {kw} kW, {share} % stockés ensuite ; {band}",
    ),
    "energy_battery_rests": ("rests, {share} % stored; {band}", "au repos, {share} % stockés ; {band}"),
    "energy_band": (
        "its meter is kept between {least} and {most} kW",
        "son compteur est tenu entre {least} et {most} kW",
    ),
    "energy_band_most": ("its meter is kept below {most} kW", "son compteur est tenu sous {most} kW"),
    "energy_band_least": ("its meter is kept above {least} kW", "son compteur est tenu au-dessus de {least} kW"),
    "energy_band_open": ("its meter may do what it does", "son compteur est laissé libre"),
    "energy_levels": (
        "covers what is drawn down to {reserve} %; a kWh stored is worth {worth} €",
        "couvre la consommation jusqu'à {reserve} % ; un kWh stocké vaut {worth} €",
    ),
    "energy_levels_filled": (
        "buys up to {filled} %, covers what is drawn down to {reserve} %; a kWh stored is worth {worth} €",
        "achète jusqu'à {filled} %, couvre la consommation jusqu'à {reserve} % ; un kWh stocké vaut {worth} €",
    ),
    "energy_apart_several": (
        "goes by the plan: several batteries share its meter",
        "suit le plan : plusieurs batteries partagent son compteur",
    ),
    "energy_apart_least": (
        "goes by the plan: it charges at no less than a given power",
        "suit le plan : elle ne charge pas en dessous d'une puissance donnée",
    ),
    "energy_apart_gives": (
        "goes by the plan: it is emptied into the grid",
        "suit le plan : elle est vidée dans le réseau",
    ),
    "energy_vehicle_charges": ("charges {kw} kW: {sum}", "charge à {kw} kW : {sum}"),
    "energy_vehicle_waits": ("waits: {sum}", "attend : {sum}"),
    "energy_solar_all": ("gives all the sun: {kw} kW expected", "donne tout le soleil : {kw} kW attendus"),
    "energy_solar_less": (
        "held at {kw} kW of {there}: more would not be paid",
        "bridé à {kw} kW sur {there} : davantage ne serait pas payé",
    ),
    "energy_rooms_heated": (
        "heated with {kw} kW, to {c} °C; {low} °C at least is wanted",
        "chauffé à {kw} kW, vers {c} °C ; {low} °C au moins sont demandés",
    ),
    "energy_rooms_rests": (
        "not heated, {c} °C; {low} °C at least is wanted",
        "pas de chauffe, {c} °C ; {low} °C au moins sont demandés",
    ),
    "energy_tanks_heated": ("heated with {kw} kW, to {c} °C", "chauffé à {kw} kW, vers {c} °C"),
    "energy_tanks_rests": ("not heated, {c} °C", "pas de chauffe, {c} °C"),
    "energy_left_out": ("not planned: {why}", "non planifié : {why}"),
    # what stands behind it
    "energy_fact_price": (
        "a kWh bought costs {buy} €, one fed in brings {sell} € ({contract}, {hours})",
        "un kWh acheté coûte {buy} €, un kWh injecté rapporte {sell} € ({contract}, {hours})",
    ),
    "energy_fact_meter": (
        "its meter is to show {meter} kW, {limit} kW contracted",
        "son compteur devrait montrer {meter} kW, {limit} kW souscrits",
    ),
    "energy_fact_meter_free": (
        "its meter is to show {meter} kW, without a limit",
        "son compteur devrait montrer {meter} kW, sans limite",
    ),
    "energy_fact_stored": ("a kWh more stored would be worth {eur} €", "un kWh stocké de plus vaudrait {eur} €"),
    "energy_fact_value": ("a kWh more drawn there would cost {eur} €", "un kWh tiré de plus y coûterait {eur} €"),
    "energy_fact_held": ("held by", "tenu par"),
    "energy_fact_plan": ("over the plan", "sur tout le plan"),
    "energy_held_charge_max": ("its charging power, {kw} kW", "sa puissance de charge, {kw} kW"),
    "energy_held_charge_least": ("its least charging power, {kw} kW", "sa puissance minimale, {kw} kW"),
    "energy_held_discharge_max": ("its discharging power, {kw} kW", "sa puissance de décharge, {kw} kW"),
    "energy_held_full": ("it is full", "elle est pleine"),
    "energy_held_reserve": ("its reserve, {kwh} kWh", "sa réserve, {kwh} kWh"),
    "energy_held_away": ("no vehicle then", "pas de véhicule alors"),
    "energy_held_target": ("what it wants by its departure", "ce qu'il lui faut au départ"),
    "energy_held_sun_only": ("charged with the sun alone", "chargée par le soleil seul"),
    "energy_held_own_use": ("gives no more than the site draws", "ne rend pas plus que le site ne tire"),
    "energy_held_all_sun": ("takes all the sun", "prend tout le soleil"),
    "energy_held_curtailed": ("{kw} kW of sun there would be", "{kw} kW de soleil disponibles"),
    "energy_held_heat_max": ("its heating power, {kw} kW", "sa puissance de chauffe, {kw} kW"),
    "energy_held_heat_least": ("its least heating power, {kw} kW", "sa puissance minimale de chauffe, {kw} kW"),
    "energy_held_cool_max": ("its cooling power, {kw} kW", "sa puissance de froid, {kw} kW"),
    "energy_held_comfort_low": ("comfort, {c} °C at least", "le confort, {c} °C au moins"),
    "energy_held_comfort_high": ("comfort, {c} °C at most", "le confort, {c} °C au plus"),
    "energy_held_next_comfort": ("warm for {c} °C wanted later", "chaud pour {c} °C demandés plus tard"),
    "energy_held_floor": ("frost, {c} °C", "le gel, {c} °C"),
    "energy_held_ceiling": ("safety, {c} °C at most", "la sécurité, {c} °C au plus"),
    "energy_held_boost": ("legionella, {c} °C once a day", "les légionelles, {c} °C une fois par jour"),
    "energy_held_stay": ("its hours", "ses heures"),
    "energy_held_run": ("its least time on", "sa durée minimale de marche"),
    "energy_held_shed_most": ("what may be shed in all", "l'effacement total permis"),
    "energy_held_import_limit": ("the power contracted of {of}, {kw} kW", "la puissance souscrite de {of}, {kw} kW"),
    "energy_held_export_limit": ("what {of} may feed in, {kw} kW", "l'injection permise de {of}, {kw} kW"),
    "energy_held_peak": ("the month's peak of {of}, {kw} kW", "la pointe du mois de {of}, {kw} kW"),
    "energy_held_order": ("the order of {of}", "l'ordre d'effacement de {of}"),
    # what a plan comes to
    "energy_planned": (
        "{sites} buildings until {until}: {bought} kWh bought, {sold} kWh fed in, {eur} €.",
        "{sites} bâtiments jusqu'à {until} : {bought} kWh achetés, {sold} kWh injectés, {eur} €.",
    ),
    "energy_peaks": (
        "Nearest to the power contracted: {names}.",
        "Au plus près de la puissance souscrite : {names}.",
    ),
    "energy_out": ("Buildings that are not planned: {names}.", "Bâtiments non planifiés : {names}."),
    "energy_lacks": ("Wanted and not reached: {names}.", "Demandé et non atteint : {names}."),
    # consigne energy sites
    "sites_head": ("{planned} buildings planned, {left} not", "{planned} bâtiments planifiés, {left} non"),
    "sites_site": ("building", "bâtiment"),
    "sites_use": ("use", "usage"),
    "sites_contract": ("contract", "contrat"),
    "sites_limit": ("kW contracted", "kW souscrits"),
    "sites_heat": ("heat", "chauffage"),
    "sites_room": ("°C now", "°C maintenant"),
    "sites_battery": ("battery, % of kWh", "batterie, % de kWh"),
    "sites_roof": ("roof, kWp", "toiture, kWc"),
    "sites_chargers": ("vehicles / points", "véhicules / bornes"),
    "sites_meter": ("kW planned now", "kW prévus maintenant"),
    **{f"use_{name}": said for name, said in USES.items()},
    "heat_heatPump": ("heat pump", "pompe à chaleur"),
    "heat_boiler": ("boiler", "chaudière"),
    "heat_district": ("district heat", "réseau de chaleur"),
    "heat_": ("–", "–"),
    # consigne energy learn
    "doing_learn": ("Reading what buildings told", "Lecture des mesures des bâtiments"),
    "learn_site": ("building", "bâtiment"),
    "learn_loss": ("W/K, inventory", "W/K, inventaire"),
    "learn_learnt": ("learnt", "appris"),
    "learn_holds": ("Wh/K, inventory", "Wh/K, inventaire"),
    "learn_held": ("learnt", "appris"),
    "learn_why": ("why not believed", "pourquoi non retenu"),
    "learn_none": ("Nothing to be written.", "Rien à inscrire."),
    "learn_out": (
        "{sites} buildings to be written → --out FOLDER, then consigne territory import FOLDER",
        "{sites} bâtiments à inscrire → --out DOSSIER, puis consigne territory import DOSSIER",
    ),
    "learn_written": (
        "{sites} buildings written, heat_loss_w_k and heat_capacity_wh_k → consigne territory import {folder}",
        "{sites} bâtiments écrits, heat_loss_w_k et heat_capacity_wh_k → consigne territory import {folder}",
    ),
    # consigne energy report
    "energy_report_head": (
        "{first} to {last}: {days} days with a plan",
        "du {first} au {last} : {days} jours avec un plan",
    ),
    "energy_unplanned": (
        "{days} days without a plan, the first {first}: they are not counted",
        "{days} jours sans plan, le premier le {first} : ils ne sont pas comptés",
    ),
    "energy_report_all": ("all", "tout"),
    "energy_report_of": ("contract", "contrat"),
    "energy_report_sites": ("buildings", "bâtiments"),
    "energy_report_planned": ("kWh planned", "kWh prévus"),
    "energy_report_measured": ("kWh metered", "kWh comptés"),
    "energy_report_eur": ("€ planned", "€ prévus"),
    "energy_report_measured_eur": ("€ metered", "€ comptés"),
    "energy_report_peak": ("peak / contracted, %", "pointe / souscrit, %"),
    "energy_report_over": ("hours beyond", "heures au-delà"),
    "energy_report_comfort": ("K·h too cold", "K·h trop froid"),
    "energy_report_carbon": ("kg CO2", "kg CO2"),
}
