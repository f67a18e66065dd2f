"""Statements, totals and account histories over HTTP."""

from mfm.web.endpoints import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = ()
