"""Requests that any web page can make a browser send: GET requests, and forms."""

from collections.abc import Callable
from dataclasses import replace

from flask import Request, g

from sayna.blueprints.body import OWN_SITE
from sayna.blueprints.context import services
from sayna.providers.base import TTSProvider
from sayna.speech.clip_errors import CrossSiteRequest, OpenVendorsDisabled
from sayna.speech.fallback import allowed
from sayna.speech.plan import Plan, SpeakRequest
from sayna.speech.planner import suits


def check_site(request: Request) -> None:
    """Raise CrossSiteRequest for a request of another site's page, unless CORS_ORIGINS names its origin."""
    origin = request.headers.get("Origin", "")
    site = request.headers.get("Sec-Fetch-Site", "").strip().lower()
    if origin in services().config.compat.cors_origins:
        return
    # `null` is the origin of a page that hides its own.
    is_foreign = bool(origin) and origin.partition("://")[2] != request.host
    if is_foreign or site not in OWN_SITE:
        raise CrossSiteRequest("a page of another site sent this request; the operator can add it to CORS_ORIGINS")


def open_plan(wanted: SpeakRequest, planned: Callable[[SpeakRequest], Plan]) -> Plan:
    """Return the plan of a GET request or form; raises OpenVendorsDisabled and what `planned` raises.

    Without authentication only local providers speak, unless OPEN_GET_VENDORS is on: otherwise any web page could
    spend the money of the operator.
    """
    built = services()
    wanted = replace(built.planner.resolved(wanted), tenant=g.caller.tenant)
    if built.authenticator is not None or built.config.clips.open_get_vendors:
        return planned(wanted)
    if not wanted.voice:
        return planned(replace(wanted, provider=_local(wanted).slug))
    plan = allowed(planned(wanted), lambda provider: provider.local)
    if plan is None:
        raise OpenVendorsDisabled(f"{wanted.voice} needs a token here; use a local voice, or set OPEN_GET_VENDORS")
    return plan


def _local(wanted: SpeakRequest) -> TTSProvider:
    built = services()
    provider = built.planner.provider(wanted.provider, wanted)
    if provider.local:
        return provider
    usable = (each for each in built.providers.values() if each.local and each.configured and suits(each, wanted))
    local = next(usable, None)
    if wanted.provider or local is None:
        raise OpenVendorsDisabled(f"{provider.slug} needs a token here; use a local voice, or set OPEN_GET_VENDORS")
    return local
