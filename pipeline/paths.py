"""Where things live in the checkout, said once."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ENVIRONMENTS = Path("stacks/environments")
RENDERED = Path("stacks/rendered")
NGINX_TEMPLATES = Path("docker/nginx/templates")
NGINX_RENDERED = Path("docker/nginx/rendered")
GUARD_RULES = Path("policy/rules")
BUILDSPECS = Path("buildspec")
CACHE = Path(".cache")
