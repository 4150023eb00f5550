"""Origins as the proxy knows them: each with the name under which its addresses, connections and certificate are kept."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from stacks.config_origins import OriginSettings, same
from stacks.config_sites import origin_urls
from stacks.environment import Environment

HTTPS = 443


@dataclass(frozen=True, kw_only=True)
class HttpOrigin:
    """An https origin of a site or a path, with what the environment says about it."""

    host: str
    port: int
    settings: OriginSettings

    @property
    def upstream(self) -> str:
        return upstream_name(self.host, self.port)

    @property
    def authority(self) -> str:
        """The origin's name in a Host header."""
        return self.host if self.port == HTTPS else f"{self.host}:{self.port}"

    @property
    def tls_name(self) -> str:
        return self.settings.tls_name or self.host


def upstream_name(host: str, port: int) -> str:
    """A name for nginx and for files; two origins never share one, since host names have no underscores."""
    return f"origin_{host.replace('.', '_')}_{port}"


def http_origins(env: Environment) -> dict[str, HttpOrigin]:
    """URL as it is written in a site or a path -> origin, in the order of the file."""
    settings = {same(one.url): one for one in env.origins}
    return {url: _origin(url, settings.get(same(url)) or OriginSettings(url=url)) for url in origin_urls(env.sites)}


def _origin(url: str, settings: OriginSettings) -> HttpOrigin:
    parts = urlsplit(url)
    return HttpOrigin(host=parts.hostname or "", port=parts.port or HTTPS, settings=settings)
