# SPDX-License-Identifier: GPL-2.0-only
"""To which servers something may be posted, and with which token."""

import os
import re
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.model.errors import InputError
from kseries.publish import address, tokens
from kseries.publish.address import Address

SECRET = "s3cr3t-0123456789"
VARIABLES = ("KSERIES_PATCHWORK_TOKEN", "OTHER_TOKEN")
KERNEL = address.read("https://patchwork.kernel.org", "patchwork")
LINE = f'"patchwork.kernel.org" = "{SECRET}"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def keep(text: str | bytes, mode: int = 0o600) -> Path:
    """The user's file of tokens."""
    place = tokens.file()
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    place.chmod(mode)
    return place


def got(server: Address = KERNEL) -> str:
    return tokens.get(server, VARIABLES).header("Token")


def refusal(server: Address = KERNEL) -> str:
    """What is said where there is no token: two lines, and nothing of the token, in the traceback neither."""
    with pytest.raises(InputError) as caught:
        got(server)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    what, todo = str(caught.value).splitlines()
    assert todo.startswith("  ")
    return f"{what}\n{todo}"


# --- servers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://patchwork.kernel.org/project/kvm/list/", "https://patchwork.kernel.org", "/project/kvm/list"),
        ("patchwork.kernel.org", "https://patchwork.kernel.org", ""),
        ("https://Patchwork.Kernel.ORG:443/", "https://patchwork.kernel.org", ""),
        ("https://ci.example.org:8443/pw", "https://ci.example.org:8443", "/pw"),
        ("http://127.0.0.1:8080/pw", "http://127.0.0.1:8080", "/pw"),
        ("http://localhost", "http://localhost", ""),
        ("http://[::1]:80/", "http://[::1]", ""),
    ],
)
def test_a_server_is_known_by_its_url(url: str, origin: str, path: str) -> None:
    found = address.read(url, "patchwork")
    assert (found.origin, found.path) == (origin, path)
    assert found.has(f"{origin}/api/1.2/patches/?page=2")


@pytest.mark.parametrize(
    "url",
    [
        "http://patchwork.kernel.org",
        "http://127.0.0.1.example.org",
        "ftp://patchwork.kernel.org",
        "file:///etc/passwd",
        "https://",
        "https://host:port/",
        "https://[::1/",
        "https://host/?q=1",
        "https://host/#x",
        "https://ho st/",
        "https://h\u00f6st/",
        "https://host/\nX-Evil: 1",
    ],
)
def test_what_is_no_safe_server_is_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        address.read(url, "patchwork")
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("url", [f"https://{SECRET}@db.kernelci.org/", f"https://me:{SECRET}@db.kernelci.org/submit"])
def test_a_url_with_a_token_in_it_is_refused_and_not_repeated(url: str) -> None:
    """KCIDB's own guide writes its addresses so (SUBMITTERS.md)."""
    with pytest.raises(InputError, match="leave it out") as caught:
        address.read(url, "kcidb")
    assert SECRET not in str(caught.value)


@given(st.text(max_size=40))
def test_any_url_is_a_server_or_an_error_in_two_lines(url: str) -> None:
    try:
        found = address.read(url, "patchwork")
    except InputError as error:
        assert len(str(error).splitlines()) == 2
    else:
        assert found.scheme == "https" or found.local


@pytest.mark.parametrize(
    "url", ["https://patchwork.kernel.org.evil.org/", "http://patchwork.kernel.org/", "https://[", "//x", "", "/api"]
)
def test_a_url_of_another_server_is_not_of_this_one(url: str) -> None:
    assert not KERNEL.has(url)


# --- tokens -------------------------------------------------------------------------------------


def test_what_the_file_has_for_a_host_goes_before_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which goes to each host of a command."""
    keep(LINE)
    monkeypatch.setenv(VARIABLES[0], "first")
    assert got() == f"Token {SECRET}"
    assert got(address.read("https://pw.example.org", "patchwork")) == "Token first"


def test_the_first_variable_that_is_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[1], "second")
    assert got() == "Token second"
    monkeypatch.setenv(VARIABLES[0], " first\n")
    assert got() == "Token first"
    monkeypatch.setenv(VARIABLES[0], "")
    assert got() == "Token second", "one that is set to nothing is not set"


@pytest.mark.parametrize(
    "url", ["https://kernel.org", "https://patchwork.kernel.org:8443", "https://xpatchwork.kernel.org"]
)
def test_a_token_of_the_file_goes_to_its_own_host_alone(url: str) -> None:
    keep(LINE)
    other = address.read(url, "patchwork")
    said = refusal(other)
    assert said.startswith(f"no token for {other.host}\n") and VARIABLES[0] in said and str(tokens.file()) in said


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_can_read_is_refused(mode: int) -> None:
    place = keep(LINE, mode)
    assert refusal() == f"{place} can be read by others than you\n  chmod 600 {place}"
    place.chmod(0o600)
    assert got() == f"Token {SECRET}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"patchwork.kernel.org = {SECRET}\n", "line 1 is no TOML"),
        (f'\n"patchwork.kernel.org" = "{SECRET}\n', "line 2 is no TOML"),
        (LINE.encode() + b"\xff", "is no TOML"),
        (f'patchwork.kernel.org = "{SECRET}"\n', "no token for"),
        ('"patchwork.kernel.org" = 1\n', "has no text for"),
        (f'"patchwork.kernel.org" = "{SECRET}\\nX-Evil: 1"\n', "is none: it has a blank"),
        (f'"patchwork.kernel.org" = "{SECRET}\u20ac"\n', "is none: it has a blank"),
        ('"patchwork.kernel.org" = ""\n', "is none"),
    ],
)
def test_a_file_that_is_wrong_is_named_and_not_shown(text: str | bytes, said: str) -> None:
    keep(text)
    assert said in refusal()


def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(home: Path) -> None:
    tokens.file().parent.mkdir()
    os.mkfifo(tokens.file())
    with pytest.raises(InputError, match="is not a regular file"):
        got()


def test_a_token_is_in_no_repr() -> None:
    keep(LINE)
    token = tokens.get(KERNEL, VARIABLES)
    assert not re.search(SECRET, f"{token!r} {token} {[token]} {vars(type(token))}")
