"""Of contracts of energy, and of what following plans costs. Each (English, French)."""

WORDS: dict[str, tuple[str, str]] = {
    # consigne energy contracts
    "contracts_none": ("There are no contracts in {file}.", "Aucun contrat dans {file}."),
    "contracts_head": ("{name}: {text}, on {day}", "{name} : {text}, le {day}"),
    "contracts_firm": ("passing it trips the supply", "la dépasser coupe l'alimentation"),
    "contracts_over": ("{eur} EUR/kWh more beyond it", "{eur} EUR/kWh de plus au-delà"),
    "contracts_from": ("from", "de"),
    "contracts_to": ("to", "à"),
    "contracts_class": ("class", "classe"),
    "contracts_kind": ("day", "jour"),
    "contracts_buy": ("bought, EUR/kWh", "acheté, EUR/kWh"),
    "contracts_sell": ("fed in, EUR/kWh", "injecté, EUR/kWh"),
    "contracts_limit": ("limit, kW", "limite, kW"),
    "contracts_beyond": ("beyond it", "au-delà"),
    "contracts_carbon": ("CO2, g/kWh", "CO2, g/kWh"),
    "contracts_reference": ("Prices: {reference}", "Prix : {reference}"),
    "contracts_orders": ("Orders to draw less:", "Ordres d'effacement :"),
    "contracts_order": (
        "{id}: {text}, {start} to {until}, {kw} kW less, {sites}",
        "{id} : {text}, de {start} à {until}, {kw} kW de moins, {sites}",
    ),
    # consigne energy regret
    "energy_dropped": (
        "the plan is dropped: following it has cost {loss} EUR this week, {most} at most; plain self-consumption",
        "le plan est abandonné : le suivre a coûté {loss} EUR cette semaine, {most} au plus ; autoconsommation",
    ),
    "regret_head": (
        "Batteries' plans beside plain self-consumption, the week of {day}, as was known at {at}:",
        "Plans des batteries à côté de l'autoconsommation, semaine du {day}, tel que connu à {at} :",
    ),
    "regret_none": ("No building has batteries.", "Aucun bâtiment n'a de batterie."),
    "regret_site": ("building", "bâtiment"),
    "regret_paid": ("paid, EUR", "payé, EUR"),
    "regret_rule": ("by the rule, EUR", "par la règle, EUR"),
    "regret_loss": ("loss, EUR", "perte, EUR"),
    "regret_most": ("at most, EUR", "au plus, EUR"),
    "regret_known": ("measured, %", "mesuré, %"),
    "regret_state": ("plan", "plan"),
    "regret_followed": ("followed", "suivi"),
    "regret_dropped": ("dropped since {at}", "abandonné depuis le {at}"),
}
