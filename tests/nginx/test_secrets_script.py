"""docker/nginx/secrets.sh, run by the shells that may run it: what it writes, what it refuses, and that it tells no secret."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from pipeline.nginx_check import binary
from pipeline.paths import ROOT

SCRIPT = ROOT / "docker/nginx/secrets.sh"
FOLDER = "folder=/run/kotei\n"
PROGRAMS = ("awk", "cat", "env", "grep", "id", "mkdir", "mv", "rm", "sed")
Result = subprocess.CompletedProcess[str]
Script = Callable[[Mapping[str, str]], Result]


@dataclass(frozen=True)
class Pair:
    chain: str
    key: str


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A leaf and its authority, as Secrets Manager would hold them."""
    authority = trustme.CA()
    leaf = authority.issue_cert("client.example.net")
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems) + authority.cert_pem.bytes()
    return Pair(chain=chain.decode(), key=leaf.private_key_pem.bytes().decode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    return made


@pytest.fixture(params=["sh", "busybox"])
def run(request: pytest.FixtureRequest, tmp_path: Path, folder: Path) -> Script:
    """The script with its folder replaced. The image's shell is busybox, so where there is one, nothing but busybox is on the path."""
    text = SCRIPT.read_text()
    assert text.count(FOLDER) == 1
    script = tmp_path / "secrets.sh"
    script.write_text(text.replace(FOLDER, f"folder='{folder}'\n"))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "nginx").symlink_to(binary())
    shell, path = "/bin/sh", f"{programs}:/usr/bin:/bin"
    if request.param == "busybox":
        busybox = shutil.which("busybox")
        if busybox is None:
            pytest.skip("needs busybox")
        for name in ("sh", *PROGRAMS):
            (programs / name).symlink_to(busybox)
        shell, path = str(programs / "sh"), str(programs)

    def ran(environment: Mapping[str, str]) -> Result:
        return subprocess.run(
            [shell, script], env={"PATH": path, **environment}, capture_output=True, text=True, check=False, timeout=30, cwd=tmp_path
        )

    return ran


def client(number: int, name: str, pair: Pair) -> dict[str, str]:
    prefix = f"KOTEI_CLIENT_{number}"
    return {f"{prefix}_NAME": name, f"{prefix}_CERTIFICATE": pair.chain, f"{prefix}_PRIVATE_KEY": pair.key}


def test_each_client_becomes_one_file_that_only_its_owner_reads(run: Script, folder: Path, pair: Pair) -> None:
    other = Pair(chain=pair.chain.rstrip("\n"), key=pair.key.rstrip("\n"))
    result = run({**client(1, "bank", pair), **client(2, "post-2", other)})
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert sorted(path.name for path in folder.iterdir()) == ["bank.pem", "post-2.pem"]
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o400
        content = file.read_bytes()
        assert len(x509.load_pem_x509_certificates(content)) == 2
        key = content[content.index(b"-----BEGIN RSA") if b"-----BEGIN RSA" in content else content.index(b"-----BEGIN EC") :]
        serialization.load_pem_private_key(key, password=None)


def test_a_task_that_starts_again_writes_them_again(run: Script, folder: Path, pair: Pair) -> None:
    assert run(client(1, "bank", pair)).returncode == 0
    before = (folder / "bank.pem").read_bytes()
    (folder / ".bank.new").write_text("left by one that was killed")
    assert run(client(1, "bank", pair)).returncode == 0
    assert [path.name for path in folder.iterdir()] == ["bank.pem"]
    assert (folder / "bank.pem").read_bytes() == before
    assert stat.S_IMODE((folder / "bank.pem").stat().st_mode) == 0o400


def test_line_ends_of_another_system_and_text_between_the_blocks_are_taken(run: Script, folder: Path, pair: Pair) -> None:
    chain = "subject=CN = client\n" + pair.chain.replace("\n", "\r\n")
    result = run({**client(1, "bank", pair), "KOTEI_CLIENT_1_CERTIFICATE": chain})
    assert (result.returncode, result.stderr) == (0, "")
    assert len(x509.load_pem_x509_certificates((folder / "bank.pem").read_bytes())) == 2


def test_a_key_of_another_certificate_is_refused_with_every_other_one(run: Script, folder: Path, pair: Pair) -> None:
    """The script asks nginx, so whatever it could not use is refused: nothing is written, not even the one that is right."""
    other = trustme.CA().issue_cert("other.example.net").private_key_pem.bytes().decode()
    garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    result = run(
        {**client(1, "a", pair), **client(2, "b", Pair(chain=pair.chain, key=other)), **client(3, "c", Pair(chain=garbage, key=pair.key))}
    )
    assert result.returncode == 1
    assert "secrets.sh: KOTEI_CLIENT_2 cannot be used by nginx: SSL_CTX_use_PrivateKey" in result.stderr
    assert "key values mismatch" in result.stderr
    assert "secrets.sh: KOTEI_CLIENT_3 cannot be used by nginx: cannot load certificate" in result.stderr
    assert "KOTEI_CLIENT_1" not in result.stderr
    assert list(folder.iterdir()) == []


def broken(pair: Pair) -> dict[str, tuple[dict[str, str], str]]:
    one, two = pair.key.splitlines()[0], pair.key.splitlines()[-1]
    certificate = pair.chain[: pair.chain.index("-----END") + len("-----END CERTIFICATE-----\n")]
    locked = f"{one.replace('BEGIN ', 'BEGIN ENCRYPTED ')}\nAAAA\n{two.replace('END ', 'END ENCRYPTED ')}\n"
    locked = locked.replace("RSA ", "").replace("EC ", "")
    old = f"{one}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n{two}\n"
    return {
        "no name": ({"NAME": ""}, "KOTEI_CLIENT_1_NAME is missing or empty"),
        "a name that leads out": ({"NAME": "../x"}, "KOTEI_CLIENT_1_NAME has more than lowercase"),
        "a name of two lines": ({"NAME": "a\nb"}, "KOTEI_CLIENT_1_NAME has more than lowercase"),
        "a name that looks like an option": ({"NAME": "-rf"}, "KOTEI_CLIENT_1_NAME has more than lowercase"),
        "no certificate": ({"CERTIFICATE": ""}, "KOTEI_CLIENT_1_CERTIFICATE is missing or empty"),
        "no key": ({"PRIVATE_KEY": ""}, "KOTEI_CLIENT_1_PRIVATE_KEY is missing or empty"),
        "not PEM": ({"CERTIFICATE": "MIIB"}, "KOTEI_CLIENT_1_CERTIFICATE has no block that is a CERTIFICATE"),
        "line ends as two characters": ({"CERTIFICATE": certificate.replace("\n", "\\n")}, "KOTEI_CLIENT_1_CERTIFICATE is not whole PEM"),
        "line ends as blanks": ({"PRIVATE_KEY": pair.key.replace("\n", " ")}, "KOTEI_CLIENT_1_PRIVATE_KEY is not whole PEM"),
        "cut off": ({"CERTIFICATE": pair.chain.rstrip("\n")[:-30]}, "KOTEI_CLIENT_1_CERTIFICATE is not whole PEM"),
        "nothing between the marks": ({"PRIVATE_KEY": f"{one}\n{two}\n"}, "KOTEI_CLIENT_1_PRIVATE_KEY is not whole PEM"),
        "not base64": ({"PRIVATE_KEY": f"{one}\n{{{{}}}}\n{two}\n"}, "KOTEI_CLIENT_1_PRIVATE_KEY is not whole PEM"),
        "marks of two kinds": ({"PRIVATE_KEY": f"{one}\nAAAA\n-----END CERTIFICATE-----\n"}, "KOTEI_CLIENT_1_PRIVATE_KEY is not whole PEM"),
        "the two exchanged": (
            {"CERTIFICATE": pair.key, "PRIVATE_KEY": pair.chain},
            "KOTEI_CLIENT_1_PRIVATE_KEY has no block that is a PRIVATE KEY",
        ),
        "a key beside the certificate": ({"CERTIFICATE": pair.chain + pair.key}, "KOTEI_CLIENT_1_CERTIFICATE has a private key in it"),
        "two keys": ({"PRIVATE_KEY": pair.key * 2}, "KOTEI_CLIENT_1_PRIVATE_KEY has more than one private key"),
        "a key with a passphrase": ({"PRIVATE_KEY": locked}, "KOTEI_CLIENT_1_PRIVATE_KEY has an encrypted key"),
        "an old key with a passphrase": ({"PRIVATE_KEY": old}, "KOTEI_CLIENT_1_PRIVATE_KEY has an encrypted key"),
        "another variable": ({"CERT": "x"}, "KOTEI_CLIENT_1_CERT is not understood"),
    }


CASES = sorted(broken(Pair(chain="-----END CERTIFICATE-----\n", key="a\n")))


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_named_and_nothing_is_written(run: Script, folder: Path, pair: Pair, case: str) -> None:
    given, said = broken(pair)[case]
    result = run({**client(1, "bank", pair), **{f"KOTEI_CLIENT_1_{name}": value for name, value in given.items()}})
    assert result.returncode == 1
    assert f"secrets.sh: {said}" in result.stderr
    assert list(folder.iterdir()) == []
    secret = pair.key.splitlines()[1:-1]
    assert not [line for line in secret if line in result.stderr + result.stdout]


def test_everything_that_is_wrong_is_said_at_once(run: Script, folder: Path, pair: Pair) -> None:
    given = {**client(1, "bank", pair), **client(4, "bank", pair), "KOTEI_CLIENT_1_CERTIFICATE": "x", "KOTEI_CLIENT_3_NAME": "Bank"}
    folder.rmdir()
    result = run(given)
    assert result.returncode == 1
    assert [line.removeprefix("secrets.sh: KOTEI_CLIENT_").split(" ", 2)[:2] for line in result.stderr.splitlines()] == [
        ["1_CERTIFICATE", "has"],
        ["2_NAME", "is"],
        ["2_CERTIFICATE", "is"],
        ["2_PRIVATE_KEY", "is"],
        ["3_NAME", "has"],
        ["3_CERTIFICATE", "is"],
        ["3_PRIVATE_KEY", "is"],
        ["4_NAME", "is"],
        ["secrets.sh:", str(folder)],
    ]


def test_a_task_definition_without_any_client_is_refused(run: Script) -> None:
    result = run({})
    assert result.returncode == 1
    assert result.stderr.count(" is missing or empty\n") == 3
