"""Of contracts of energy. Each (English, French)."""

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
}
