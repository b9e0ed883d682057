"""The service: ingest, decide, plan, send, verify, again and again; by one process, or several that share the roles."""

from jobs.service.aside import Aside, Beside, Spared, with_back_off
from jobs.service.loop import serve
from jobs.service.roles import Role
from jobs.service.steps import Service

__all__ = ["Aside", "Beside", "Role", "Service", "Spared", "serve", "with_back_off"]
