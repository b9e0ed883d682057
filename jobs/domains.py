"""The job table of the optimised domains: one line each."""

from jobs.collection.domain import DOMAIN as COLLECTION
from jobs.energy.domain import DOMAIN as ENERGY
from jobs.irrigation.domain import DOMAIN as IRRIGATION
from jobs.lighting.domain import DOMAIN as LIGHTING
from jobs.planning.domain import Domain

DOMAINS: dict[str, Domain] = {domain.name: domain for domain in (LIGHTING, IRRIGATION, COLLECTION, ENERGY)}
