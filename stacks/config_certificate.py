"""The certificate that the load balancer shows for every host."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.config_problems import Model, Problem, exactly_one
from stacks.config_values import CertificateArn, CertificateName, HostedZoneId, Several


def zone_for_a_name(arn: str | None, name: str | None, hosted_zone: str | None) -> Iterator[Problem]:
    if name and not hosted_zone and not arn:
        yield Problem(("hosted_zone",), "is missing: the Route 53 zone that proves that certificate.name is yours, like 'Z0123456789ABC'")


def nothing_beside_an_arn(arn: str | None, alternative_names: tuple[str, ...], hosted_zone: str | None) -> Iterator[Problem]:
    if arn and alternative_names:
        yield Problem(("alternative_names",), "belongs to certificate.name; a certificate given by arn has its names already")
    if arn and hosted_zone:
        yield Problem(("hosted_zone",), "belongs to certificate.name; a certificate given by arn is validated already")


def names_are_different(name: str | None, alternative_names: tuple[str, ...]) -> Iterator[Problem]:
    for index, other in enumerate(alternative_names):
        if other in (name, *alternative_names[:index]):
            yield Problem(("alternative_names", index), f"'{other}' is named twice; remove one")


class Certificate(Model):
    """Exactly one of `arn`, and `name` with `hosted_zone`."""

    arn: CertificateArn | None = None
    """A certificate that is already in AWS Certificate Manager, in this account and region."""
    name: CertificateName | None = None
    """The name of a certificate that is issued for this environment; `*.` stands for one label."""
    alternative_names: Several[CertificateName] = ()
    """Further names on the issued certificate."""
    hosted_zone: HostedZoneId | None = None
    """The Route 53 zone that the validation records are written into."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the issued certificate is valid for."""
        return (self.name, *self.alternative_names) if self.name else ()

    RULES = (
        exactly_one("arn", "name"),
        (("arn", "name", "hosted_zone"), zone_for_a_name),
        (("arn", "alternative_names", "hosted_zone"), nothing_beside_an_arn),
        (("name", "alternative_names"), names_are_different),
    )
