"""What runs where there is no schedule file: the entries that Consigne cannot do without."""

BUILT_IN = """\
schedules:
  plan-lighting:
    description:
      fr: Plan de gradation de chaque point lumineux, de midi à midi.
      en: Dimming plan of every lamp, from noon to noon.
    cron: {hour: 12, minute: 0}
    time_limit: 2 min
  replan-lighting:
    description:
      fr: Le même, quand une règle le demande.
      en: The same, when a rule asks for it.
    job: plan-lighting
    event: replan
    time_limit: 2 min
  import-forecasts:
    description:
      fr: Prévisions (météo, prix, vigilance) des sources de forecasts.yaml.
      en: Forecasts (weather, prices, vigilance) of the sources in forecasts.yaml.
    every: 1 h
    offset: 12 min
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
