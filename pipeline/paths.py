"""Where things live in the checkout, said once."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ENVIRONMENTS = Path("stacks/environments")
RENDERED = Path("stacks/rendered")
NGINX_TEMPLATES = Path("docker/nginx/templates")
NGINX_RENDERED = Path("docker/nginx/rendered")
NGINX_NAMES = Path("docker/nginx/names.js")
NGINX_AUTHORITIES = Path("docker/nginx/authorities")
# Where the Dockerfile puts them, below the image's root.
NGINX_IN_IMAGE = Path("etc/nginx/kotei")
GUARD_RULES = Path("policy/rules")
BUILDSPECS = Path("buildspec")
WORKFLOWS = Path(".github/workflows")
# Where plans are kept in the pipeline's bucket.
PLANS = "plans"
# The addresses that partners were told, one file an environment.
PINNED = Path("stacks/pinned")
CACHE = Path(".cache")
