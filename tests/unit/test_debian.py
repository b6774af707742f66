# SPDX-License-Identifier: GPL-2.0-only
"""debian:linux-source-VERSION by the real apt, from an archive on this machine that has a key of its own."""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from kseries import cli
from kseries.host import checksummed
from kseries.model import Base
from kseries.model.errors import InputError, UnavailableError
from kseries.sources import TreeStore, archive, debian, hostapt, kernels
from kseries.sources.archive import Archive, Catalogue, Suite
from tests.support import bases
from tests.support.hearing import Heard
from tests.support.mirror import Key, Mirror

pytestmark = pytest.mark.skipif(
    archive.missing() is not None or shutil.which("gpg") is None, reason="needs apt, Debian's keyring and gpg"
)

LATER = pytest.mark.full("series")
"""Each list that apt verifies takes it a tenth of a second."""
SUITES = (Suite(name="bookworm-security", folder="debian-security"), Suite(name="sid"))
READING = "reading Debian's package lists (2 suites, 20 to 40 MB the first time)"
AGAIN = "reading Debian's package lists (2 suites)"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Key]:
    made = Key(tmp_path_factory.mktemp("key"))
    yield made
    made.forget()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Key]:
    """A key that is in no keyring of ours."""
    made = Key(tmp_path_factory.mktemp("stranger"))
    yield made
    made.forget()


@pytest.fixture
def mirror(tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """The whole of Debian's archive: two suites."""
    monkeypatch.setattr(archive, "SUITES", SUITES)
    monkeypatch.setattr(archive, "KEYRINGS", (key.keyring,))
    monkeypatch.setattr(hostapt, "download", lambda *_, update: None)  # it has a real archive
    made = Mirror(tmp_path / "mirror", key)
    for suite in SUITES:
        made.publish(suite.name)
    monkeypatch.setenv("KSERIES_DEBIAN_MIRROR", made.start())
    yield made
    made.stop()


class Host:
    """Whoever names kernels: a cache, and what was said."""

    def __init__(self, place: Path) -> None:
        self.cache = place / "cache"
        self.store = TreeStore(self.cache / "trees.git")
        self.said = Heard()

    def get(self, name: str) -> Base:
        self.said.clear()
        return kernels.get(f"debian:{name}", None, self.store, self.cache, self.said)

    def refused(self, name: str, error: type[Exception] = UnavailableError) -> str:
        with pytest.raises(error) as raised:
            self.get(name)
        return str(raised.value)

    def grow_old(self, seconds: float) -> None:
        """Have the lists have been read that long ago."""
        note = self.cache / "debian" / "catalogue.json"
        known = Archive(self.cache).known()
        assert known is not None
        older = msgspec.structs.replace(known, read=known.read - seconds)
        checksummed.write(note, msgspec.json.encode(older))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


# --- which version --------------------------------------------------------------------------------


def test_the_newest_of_all_suites_is_taken_by_debians_order(mirror: Mirror, host: Host) -> None:
    mirror.add("sid", "6.1.100~rc1-1", "7.2.13-1", "6.1.9-1", "6.1.99-1")
    mirror.add("bookworm-security", "6.1.100-1", "6.1.100-1~deb12u1")
    base = host.get("linux-source-6.1")
    assert (base.name, base.version) == ("debian:linux-source-6.1 6.1.100-1", "6.1")
    deb = mirror.top / "debian-security" / "pool" / "linux-source_6.1.100-1.deb"
    assert host.said == [
        READING,
        f"fetching linux-source-6.1 6.1.100-1 from Debian's bookworm-security ({deb.stat().st_size / 1e6:.0f} MB)",
        "importing debian:linux-source-6.1 6.1.100-1",
    ]
    makefile = host.store.file(base.tree, "Makefile")
    assert makefile is not None and b"# 6.1.100-1\n" in makefile


def test_of_a_version_that_a_mirror_does_not_have_or_not_as_it_was_signed_the_next_is_taken(
    mirror: Mirror, host: Host
) -> None:
    _, middle, newest = mirror.add("bookworm-security", "6.1.1-1", "6.1.2-1", "6.1.3-1")
    newest.unlink()
    middle.write_bytes(middle.read_bytes()[:-1] + b"x")
    assert host.get("linux-source-6.1").name == "debian:linux-source-6.1 6.1.1-1"
    assert [words for words in host.said if words.startswith("the mirror")] == [
        "the mirror does not have linux-source-6.1 6.1.3-1: trying the next",
        "the mirror does not have linux-source-6.1 6.1.2-1: trying the next",
    ]


def test_a_name_may_say_which_version(mirror: Mirror, host: Host) -> None:
    mirror.add("bookworm-security", "6.12.7-1", "6.12.7-1~deb12u1", "6.12.7-2", "6.12.70-1")
    mirror.add("sid", "7.3~rc7-1~exp1")
    for name, version in {
        "linux-source-6.12=6.12.7-1~deb12u1": "6.12.7-1~deb12u1",
        "linux-source-6.12=6.12.7-1": "6.12.7-1",
        "linux-source-6.12=6.12.7": "6.12.7-2",
        "linux-source-7.3=7.3~rc7": "7.3~rc7-1~exp1",
        "linux-source-6.12": "6.12.70-1",
    }.items():
        assert host.get(name).name.endswith(f" {version}"), name
    assert debian.read("linux-source-6.12.7") == debian.read("linux-source-6.12=6.12.7")


def test_a_kernel_that_debian_does_not_have_is_told_with_the_nearest(mirror: Mirror, host: Host) -> None:
    mirror.add("bookworm-security", "6.1.9-1", "6.12.7-1")
    mirror.add("sid", "6.12.90-1", "7.2.13-1")
    assert host.refused("linux-source-9.9") == (
        "Debian's archive has no linux-source-9.9, or not any more\n"
        "  nearest: debian:linux-source-7.2 (7.2.13-1, sid); --tree debian: lists all"
    )
    assert "nearest: debian:linux-source-6.12 (" in host.refused("linux-source-6.13")
    assert host.refused("linux-source-6.12=6.12.12-1") == (
        "Debian's archive has no linux-source-6.12 6.12.12-1, or not any more\n"
        "  nearest: debian:linux-source-6.12=6.12.7-1 (bookworm-security); --tree debian: lists all"
    )
    assert "nearest: debian:linux-source-6.12=6.12.90-1 (" in host.refused("linux-source-6.12.80")
    assert "nearest: debian:linux-source-7.2 (" in host.refused("linux-source-7.1=7.1.4-1")


def test_what_names_no_kernel_is_an_input_error_and_reads_nothing(mirror: Mirror, host: Host) -> None:
    names = {
        "nonsense": "linux-source-7.2",
        "linux-6.1": "linux-source-6.1",
        "linux-source-6.1=": "linux-source-6.1",
        "linux-source-6.1/sid": "linux-source-6.1",
        "linux-source-6.1=x\x1b[1m\n": "linux-source-6.1",
        "linux-source-7": "linux-source-7.2",
    }
    mirror.add("bookworm-security", "6.1.9-1", "7.2.1-1")
    for name in names:
        told = host.refused(name, InputError).splitlines()
        assert told[1:] == ["  as in debian:linux-source-6.12; --tree debian: lists all"]
    assert mirror.requests == []
    Archive(host.cache).read(host.said)
    for name, near in names.items():
        told = host.refused(name, InputError).splitlines()
        assert told[1:] == [f"  as in debian:{near}; --tree debian: lists all"]
        assert "\x1b" not in told[0]


def test_an_archive_without_any_kernel_has_no_nearest(mirror: Mirror, host: Host) -> None:
    Archive(host.cache).read(host.said)
    assert "as in debian:linux-source-6.12; " in host.refused("nonsense", InputError)
    assert host.refused("linux-source-6.1") == "Debian's archive has no linux-source-6.1, or not any more"


def test_debian_alone_lists_the_newest_of_each(mirror: Mirror, host: Host) -> None:
    mirror.add("bookworm-security", "6.1.9-1", "6.12.7-1")
    mirror.add("sid", "6.12.90-1")
    host.get("linux-source-6.1")
    assert host.refused("", InputError).splitlines() == [
        "debian: does not say which kernel; of each series the newest that Debian has:",
        "  debian:linux-source-6.12  6.12.90-1  sid",
        "  debian:linux-source-6.1   6.1.9-1    bookworm-security  imported",
    ]


# --- whom to trust --------------------------------------------------------------------------------


def test_a_suite_that_somebody_else_has_signed_is_not_read(mirror: Mirror, host: Host, stranger: Key) -> None:
    mirror.add("bookworm-security", "6.1.9-1")
    mirror.add("sid", "6.1.66-6")
    mirror.publish("sid", by=stranger)
    assert host.get("linux-source-6.1").name == "debian:linux-source-6.1 6.1.9-1"
    (told,) = (words for words in host.said if words.startswith("Debian's sid cannot be read: InRelease: "))
    assert "NO_PUBKEY" in told
    assert host.refused("linux-source-6.6").endswith("not read: sid")
    assert not [one for one in mirror.requests if "/sid/main/" in one]


def test_what_was_signed_once_stays_where_its_successor_is_not(mirror: Mirror, host: Host, stranger: Key) -> None:
    mirror.add("sid", "6.1.9-1", "6.2.1-1")
    host.get("linux-source-6.2")
    mirror.add("sid", "6.1.66-6")
    mirror.publish("sid", by=stranger)
    host.grow_old(2 * archive.DAY)
    assert host.get("linux-source-6.1").name == "debian:linux-source-6.1 6.1.9-1"
    assert AGAIN in host.said
    (told,) = (words for words in host.said if words.startswith("Debian's sid cannot be read again, and is as it was:"))
    assert "NO_PUBKEY" in told or "signature" in told


@LATER
def test_a_list_that_is_not_the_one_that_was_signed_is_not_read(mirror: Mirror, host: Host) -> None:
    mirror.add("bookworm-security", "6.1.9-1")
    mirror.add("sid", "6.1.66-6")
    true, shorter = mirror.index("sid"), mirror.index("bookworm-security")
    true.write_bytes(shorter.read_bytes())
    true.with_suffix("").unlink()
    assert host.get("linux-source-6.1").name == "debian:linux-source-6.1 6.1.9-1"


@LATER
def test_a_suite_that_is_out_of_date_is_not_read(mirror: Mirror, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_of_host", lambda: ())  # which may allow it, on a mirror that stands still
    mirror.add("bookworm-security", "6.1.9-1")
    mirror.add("sid", "6.1.66-6")
    mirror.publish("sid", expired=True)
    assert host.get("linux-source-6.1").name == "debian:linux-source-6.1 6.1.9-1"
    assert any("sid cannot be read" in words and "expired" in words for words in host.said)


@LATER
def test_a_suite_without_a_signature_is_not_read(mirror: Mirror, host: Host) -> None:
    mirror.add("bookworm-security", "6.1.9-1")
    mirror.add("sid", "6.1.66-6")
    signed = mirror.top / "debian" / "dists" / "sid" / "InRelease"
    text = signed.read_text().partition("\n\n")[2].partition("-----BEGIN PGP SIGNATURE")[0]
    signed.with_name("Release").write_text(text)
    signed.unlink()
    assert host.get("linux-source-6.1").name == "debian:linux-source-6.1 6.1.9-1"


# --- what is fetched, and when ----------------------------------------------------------------------


def test_what_was_imported_needs_neither_apt_nor_a_network(
    mirror: Mirror, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.add("bookworm-security", "6.1.9-1", "6.1.10-1")
    newest, exact = host.get("linux-source-6.1"), host.get("linux-source-6.1=6.1.9")
    monkeypatch.setenv("KSERIES_DEBIAN_MIRROR", "http://127.0.0.1:1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    host.grow_old(9 * archive.DAY)
    assert (host.get("linux-source-6.1"), host.said) == (newest, [])
    assert (host.get("linux-source-6.1=6.1.9"), host.said) == (exact, [])
    assert (host.get("linux-source-6.1.9"), host.said) == (exact, [])
    assert (host.get("linux-source-6.1=6.1.10-1"), host.said) == (newest, []), "it was imported as the newest"


@LATER
def test_a_newer_one_than_what_was_imported_is_told(mirror: Mirror, host: Host) -> None:
    mirror.add("bookworm-security", "6.1.9-1")
    host.get("linux-source-6.1")
    mirror.add("sid", "6.1.10-1", "6.2.1-1")
    host.grow_old(2 * archive.DAY)
    host.get("linux-source-6.2")
    assert host.get("linux-source-6.1").name == "debian:linux-source-6.1 6.1.9-1"
    newer = "debian:linux-source-6.1=6.1.10-1"
    assert host.said == [f"base: debian:linux-source-6.1 6.1.9-1, as it was imported; Debian has {newer}, too"]
    assert host.get(newer.removeprefix("debian:")).name == "debian:linux-source-6.1 6.1.10-1"


def test_lists_of_today_are_not_read_again_and_older_ones_only_where_they_have_changed(
    mirror: Mirror, host: Host
) -> None:
    mirror.add("bookworm-security", "6.1.9-1", "6.2.1-1", "6.3.1-1")
    host.get("linux-source-6.1")
    mirror.requests.clear()
    host.get("linux-source-6.2")
    assert mirror.requests == ["/debian-security/pool/linux-source_6.2.1-1.deb 200"]
    host.grow_old(2 * archive.DAY)
    mirror.add("sid", "6.3.2-1")
    mirror.requests.clear()
    assert host.get("linux-source-6.3").name == "debian:linux-source-6.3 6.3.2-1"
    assert sorted(mirror.requests) == [
        "/debian-security/dists/bookworm-security/InRelease 304",
        "/debian/dists/sid/InRelease 200",
        "/debian/dists/sid/main/binary-all/Packages.xz 200",
        "/debian/pool/linux-source_6.3.2-1.deb 200",
    ]


def test_a_version_that_is_in_an_old_list_needs_no_newer_one_and_what_is_in_none_does(
    mirror: Mirror, host: Host
) -> None:
    mirror.add("bookworm-security", "6.1.9-1", "6.2.1-1")
    host.get("linux-source-6.1")
    host.grow_old(9 * archive.DAY)
    host.get("linux-source-6.2=6.2.1-1")
    assert AGAIN not in host.said
    mirror.add("bookworm-security", "6.2.2-1")
    assert host.get("linux-source-6.2.2").name == "debian:linux-source-6.2 6.2.2-1"
    assert AGAIN in host.said
    assert "no linux-source-6.2 6.2.3" in host.refused("linux-source-6.2.3")
    assert AGAIN not in host.said, "it was read a moment ago"


def test_lists_that_a_wrong_clock_has_dated_in_the_future_are_read_again(mirror: Mirror, host: Host) -> None:
    mirror.add("bookworm-security", "6.1.9-1")
    Archive(host.cache).read(host.said)
    host.grow_old(-400 * archive.DAY)
    mirror.add("bookworm-security", "6.1.10-1")
    assert host.get("linux-source-6.1").name == "debian:linux-source-6.1 6.1.10-1"


@LATER
def test_where_all_that_the_lists_have_is_gone_they_are_read_again(mirror: Mirror, host: Host) -> None:
    (old,) = mirror.add("bookworm-security", "6.1.9-1")
    Archive(host.cache).read(host.said)
    old.unlink()
    host.grow_old(archive.DAY / 2)
    mirror.add("sid", "6.1.10-1")
    assert host.get("linux-source-6.1").name == "debian:linux-source-6.1 6.1.10-1"


def test_without_a_network_old_lists_are_what_there_is(mirror: Mirror, host: Host) -> None:
    mirror.add("bookworm-security", "6.1.9-1", "6.2.1-1")
    Archive(host.cache).read(host.said)
    host.grow_old(3 * archive.DAY)
    before = Archive(host.cache).known()
    mirror.stop()
    assert host.refused("linux-source-6.1").startswith("cannot fetch linux-source-6.1 6.1.9-1 from Debian\n  ")
    (old,) = (words for words in host.said if "cannot be read again" in words)
    assert old.startswith("Debian's package lists cannot be read again, and are as of 3 days ago: ")
    assert Archive(host.cache).known() == before
    assert "debian:linux-source-6.2" in host.refused("", InputError)


def test_without_lists_and_without_a_network_nothing_is_to_be_had(
    mirror: Mirror, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSERIES_DEBIAN_MIRROR", "http://127.0.0.1:1")
    monkeypatch.setenv("KSERIES_KERNEL_MIRROR", "http://127.0.0.1:1")
    told = host.refused("linux-source-6.1")
    assert re.fullmatch(
        r"debian:linux-source-6\.1 is not to be had: Debian's package lists cannot be read: .*127\.0\.0\.1.*"
        r"\n  cannot fetch http://127\.0\.0\.1:1/v6\.x/sha256sums\.asc: .*",
        told,
    )
    assert any(words.endswith(": fetching linux-6.1.y from kernel.org") for words in host.said)
    assert "Debian's package lists cannot be read" in host.refused("", UnavailableError)


def test_of_two_at_once_one_reads_the_lists_and_the_other_waits(mirror: Mirror, host: Host) -> None:
    mirror.add("bookworm-security", "6.1.9-1", "6.2.1-1")
    begin = threading.Barrier(2)

    def read() -> tuple[Catalogue, Heard]:
        said = Heard()
        begin.wait(60)
        return Archive(host.cache).read(said), said

    with ThreadPoolExecutor(2) as pool:
        (one, mine), (other, theirs) = (done.result(60) for done in [pool.submit(read) for _ in range(2)])
    assert one == other
    assert sorted([*mine, *theirs]) in (
        [READING],
        [READING, "waiting for another run to read Debian's package lists"],
    )
    assert len([path for path in mirror.requests if "bookworm-security/main/binary-all" in path]) == 1


# --- which mirror -----------------------------------------------------------------------------------


def test_a_mirror_without_the_index_of_packages_for_any_architecture_is_read_by_the_hosts(
    mirror: Mirror, host: Host
) -> None:
    native = archive._architecture()
    mirror.add("bookworm-security", "6.1.9-1")
    mirror.add("sid", "6.1.10-1")
    mirror.publish("sid", indices=(native,))
    mirror.publish("bookworm-security", indices=("all", native))
    mirror.index("bookworm-security").unlink()
    mirror.index("bookworm-security").with_suffix("").unlink()
    found = Archive(host.cache).read(host.said)
    assert [offer.version for offer in found.offers] == ["6.1.10-1", "6.1.9-1"]
    assert found.lacking == {}
    host.grow_old(2 * archive.DAY)
    mirror.requests.clear()
    assert [offer.version for offer in Archive(host.cache).read(host.said).offers] == ["6.1.10-1", "6.1.9-1"]
    assert sorted(mirror.requests) == [
        "/debian-security/dists/bookworm-security/InRelease 304",
        "/debian/dists/sid/InRelease 304",
    ]


@pytest.fixture
def hosts_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's apt: all that it has is below this folder, and it does something after an update."""
    top = tmp_path / "host"
    (top / "etc" / "apt" / "apt.conf.d").mkdir(parents=True)
    config = tmp_path / "host.conf"
    config.write_text(f'Dir "{top}";\nAPT::Update::Post-Invoke {{ "touch {top}/invoked"; }};\n')
    monkeypatch.setenv("APT_CONFIG", str(config))
    return top


def test_the_mirror_of_the_host_goes_first_and_what_it_lacks_comes_from_debians_own(
    mirror: Mirror, host: Host, key: Key, tmp_path: Path, hosts_apt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.add("bookworm-security", "6.1.9-1")
    mirror.add("sid", "6.1.10-1")
    theirs = Mirror(tmp_path / "theirs", key)
    theirs.add("bookworm-security", "6.1.9-1")
    (hosts_apt / "etc" / "apt" / "sources.list").write_text(
        f"deb file:{theirs.top}/debian-security bookworm-security main\ndeb http://127.0.0.1:1/x bookworm main\n"
    )
    monkeypatch.setattr(archive, "MIRROR", os.environ["KSERIES_DEBIAN_MIRROR"])
    monkeypatch.delenv("KSERIES_DEBIAN_MIRROR")
    before = sorted(hosts_apt.rglob("*"))
    found = Archive(host.cache).read(host.said)
    assert [(offer.version, offer.uri.partition(":")[0]) for offer in found.offers] == [
        ("6.1.10-1", "http"),
        ("6.1.9-1", "file"),
    ]
    assert not [path for path in mirror.requests if "/bookworm-security/" in path]
    assert host.get("linux-source-6.1=6.1.9-1").name == "debian:linux-source-6.1 6.1.9-1"
    dumped = Archive(host.cache)._apt("apt-config", "dump", places=None).text
    assert 'dir::etc::parts "/dev/null";' in dumped.lower() and "Post-Invoke" not in dumped
    assert sorted(hosts_apt.rglob("*")) == before, "of the host's nothing is written to, and none of its hooks run"


@LATER
def test_how_the_host_reaches_a_network_holds_and_whom_it_trusts_does_not(
    mirror: Mirror, host: Host, stranger: Key, hosts_apt: Path
) -> None:
    (hosts_apt / "etc" / "apt" / "apt.conf.d" / "proxy").write_text(
        'Acquire::http::Proxy "http://127.0.0.1:1";\nAcquire::AllowInsecureRepositories "true";\n'
    )
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
        Archive(host.cache).read(host.said)
    (hosts_apt / "etc" / "apt" / "apt.conf.d" / "proxy").write_text(
        'Acquire::AllowInsecureRepositories "true";\nAPT::Get::AllowUnauthenticated "true";\n'
    )
    mirror.add("sid", "6.1.9-1")
    mirror.publish("sid", by=stranger)
    assert "sid" in Archive(host.cache).read(host.said).lacking


def test_a_host_without_the_keyring_says_so(
    mirror: Mirror, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "KEYRINGS", (tmp_path / "none.gpg",))
    monkeypatch.setenv("KSERIES_KERNEL_MIRROR", "http://127.0.0.1:1")
    why = "Debian's keyring is not here (apt-get install debian-archive-keyring)"
    assert host.refused("linux-source-6.1").startswith(f"debian:linux-source-6.1 is not to be had: {why}\n")
    assert host.said == [f"{why}: fetching linux-6.1.y from kernel.org"]
    revision = host.refused("linux-source-6.1=6.1.9-1")
    assert revision == f"debian:linux-source-6.1=6.1.9-1 is not to be had: {why}"
    assert host.refused("") == f"Debian's archive cannot be read: {why}"
    assert mirror.requests == []


# --- runs and tests ---------------------------------------------------------------------------------


def test_a_test_case_whose_kernel_is_not_to_be_had_is_for_another_host(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.add("sid", "7.2.13-1")
    case = tmp_path / "case"
    (case / "patches").mkdir(parents=True)
    (case / "testcase.toml").write_text(
        'title = "x"\ntree = "debian:linux-source-7.3"\n[expect]\nbisectable = true\nrevert_safe = true\n'
    )
    patch = "Subject: one\n\n---\n--- a/Makefile\n+++ b/Makefile\n@@ -1 +1,2 @@\n x\n+y\n"
    (case / "patches" / "0001-one.patch").write_text(patch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cli.main(["run", str(case), "--out", str(tmp_path / "out")]) == 3
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "kseries: Debian's archive has no linux-source-7.3, or not any more",
        "  nearest: debian:linux-source-7.2 (7.2.13-1, sid); --tree debian: lists all",
    ]
    with pytest.raises(pytest.skip.Exception, match=r"no linux-source-7\.3, or not any more; nearest: "):
        bases.debian("7.3")
    assert bases.debian("7.2").name == "debian:linux-source-7.2 7.2.13-1"


def test_a_suite_is_empty_where_each_mirror_that_it_was_read_from_says_so(tmp_path: Path) -> None:
    lists = tmp_path / archive.NAME / "lists"
    lists.mkdir(parents=True)
    empty = f" {'0' * 64}        0 main/binary-all/Packages\n"
    (lists / "one_debian_dists_sid_InRelease").write_text(empty)
    assert Archive(tmp_path)._is_empty("sid")
    (lists / "other_debian_dists_sid_InRelease").write_text(empty.replace("       0 main", "     700 main"))
    assert not Archive(tmp_path)._is_empty("sid")
