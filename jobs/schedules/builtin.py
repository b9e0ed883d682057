"""What runs where there is no schedule file: the entries that Consigne cannot do without."""

BUILT_IN = """\
schedules:
  plan-lighting:
    description:
      fr: Plan de gradation de chaque point lumineux, de midi à midi, fait une heure avant.
      en: Dimming plan of every lamp, from noon to noon, made an hour before.
    cron: {hour: 11, minute: 0}
    arguments: {ahead: 1 h}
    time_limit: 2 min
  plan-lighting-again:
    description:
      fr: Le même, si aucun plan de cette nuit n'a pu être calculé.
      en: The same, where no plan of that night could be made.
    job: plan-lighting
    cron: {hour: 11, minute: 40}
    arguments: {ahead: 1 h, unless_planned: true}
    catch_up: none
    time_limit: 2 min
  replan-lighting:
    description:
      fr: Le plan de la nuit en cours, quand une règle le demande.
      en: The plan of the night that is going on, when a rule asks for it.
    job: plan-lighting
    event: replan
    arguments: {only_changed: true}
    time_limit: 2 min
  plan-irrigation:
    description:
      fr: Plan d'arrosage de la nuit, fait le soir avec la météo et les sondes du jour.
      en: Watering plan of the night, made in the evening from the day's weather and probes.
    cron: {hour: 18, minute: 0}
    arguments: {seconds: 60, gap: 0.005, threads: 2}
    time_limit: 2 min
  plan-irrigation-again:
    description:
      fr: Le même, si aucun plan de cette nuit n'a pu être calculé.
      en: The same, where no plan of that night could be made.
    job: plan-irrigation
    cron: {hour: 20, minute: 0}
    arguments: {seconds: 60, gap: 0.005, threads: 2, unless_planned: true}
    catch_up: none
    time_limit: 2 min
  replan-irrigation:
    description:
      fr: Ce qui reste de la nuit, quand une règle ou un arrêté le demande.
      en: What remains of the night, when a rule or an order asks for it.
    job: plan-irrigation
    event: replan
    arguments: {seconds: 60, gap: 0.005, threads: 2}
    time_limit: 2 min
  plan-collection:
    description:
      fr: Tournées de collecte de la nuit et du lendemain, faites le soir avec les remplissages du jour.
      en: Collection rounds of the night and the next day, made in the evening from the day's fills.
    cron: {hour: 20, minute: 10}
    arguments: {seconds: 60, work: 4000}
    time_limit: 2 min
  plan-collection-again:
    description:
      fr: Le même, si aucune tournée n'a pu être calculée.
      en: The same, where no rounds could be made.
    job: plan-collection
    cron: {hour: 21, minute: 30}
    arguments: {seconds: 60, work: 4000, unless_planned: true}
    catch_up: none
    time_limit: 2 min
  replan-collection:
    description:
      fr: Ce que touche une benne en panne, un conteneur plein ou une rue fermée ; le reste des tournées ne bouge pas.
      en: What a truck that broke down, a full container or a closed road touches; all other rounds stay as they are.
    job: plan-collection
    event: replan
    at_most_every: 1 h
    arguments: {seconds: 4, work: 800, only_changed: true}
    time_limit: 1 min
  plan-energy:
    description:
      fr: Batteries, chauffage, eau chaude et recharge des bâtiments pour les 36 heures à venir.
      en: Batteries, heat, hot water and charging of buildings for the 36 hours to come.
    every: 1 h
    offset: 2 min
    arguments: {seconds: 60, gap: 0.005}
    time_limit: 5 min
  replan-energy:
    description:
      fr: Le même, quand une règle le demande (véhicule arrivé, ordre d'effacement, contrat changé).
      en: The same, when a rule asks for it (a vehicle has come, an order to draw less, a contract that changed).
    job: plan-energy
    event: replan
    at_most_every: 15 min
    arguments: {seconds: 60, gap: 0.005}
    time_limit: 5 min
  watch-energy:
    description:
      fr: Ce que suivre les plans des batteries a coûté cette semaine à côté de l'autoconsommation.
      en: What following plans of batteries has cost this week beside plain self-consumption.
    every: 1 h
    offset: 50 min
    time_limit: 2 min
  import-forecasts:
    description:
      fr: Prévisions (météo, prix, vigilance) des sources de forecasts.yaml.
      en: Forecasts (weather, prices, vigilance) of the sources in forecasts.yaml.
    every: 1 h
    offset: 12 min
  ask-equipment:
    description:
      fr: Combien de programmes chaque passerelle accepte, demandé à celles qui l'annoncent.
      en: How many programs each gateway takes, asked of those that announce it.
    every: 1 h
    offset: 47 min
  roll-up:
    description:
      fr: Agrégats des mesures, par quart d'heure et par jour.
      en: Quarter-hour and daily roll-ups of readings.
    every: 15 min
    offset: 5 min
  housekeeping:
    description:
      fr: Partitions à venir, suppression des mesures anciennes.
      en: Partitions ahead; old readings are pruned.
    cron: {hour: 4, minute: 10}
    misfire_grace: 4 h
"""
