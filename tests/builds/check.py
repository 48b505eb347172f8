#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches builds of OpenSSL and BoringSSL from the package registries, looks for what can be captured
in each, and connects with those that have a client here. Prints a table in Markdown.

check.py [NAME...]: these builds, else all. ECAPTURE and ECAPTURE_PLUGIN_DIR say what is checked.
Exit code 0: all that was fetched is as expected; 1: something is not; 77: nothing could be fetched.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from connect import NETTY, NODE, Client, Failed, connect, python
from locate import PREMASTER, Found, erase_names, locate, symbols

HERE = Path(__file__).resolve().parent
FETCH = HERE.parent / "unit" / "fetch-builds.sh"


@dataclass
class Build:
    """What is expected of one build. The names are those of fetch-builds.sh."""
    name: str
    library: str        # "": neither OpenSSL nor BoringSSL, and nothing of ours may be found
    client: Client = None
    keys: bool = True   # OpenSSL before 1.1.1 has no key log
    # Whether all is found without its symbols, too. A libssl.so always has them, and BoringSSL's
    # calls its libcrypto.so by them.
    nameless: bool = True


BUILDS = (
    Build("debian11", "OpenSSL"),
    Build("debian12", "OpenSSL"),
    Build("debian13", "OpenSSL"),
    Build("debian-sid", "OpenSSL"),
    Build("android", "BoringSSL", nameless=False),
    Build("android14", "BoringSSL", nameless=False),
    Build("psycopg2", "OpenSSL", python("with_psycopg2.py", "postgres")),
    Build("curl_cffi", "BoringSSL", python("with_curl_cffi.py")),
    Build("grpcio", "BoringSSL", python("with_grpcio.py", "h2")),
    Build("cryptography", "OpenSSL", python("with_pyopenssl.py")),
    Build("pycurl", "OpenSSL", python("with_pycurl.py")),
    Build("mysql-connector", "OpenSSL"),
    Build("node", "OpenSSL", NODE),
    Build("node12", "OpenSSL", NODE),
    Build("node16", "OpenSSL", NODE),
    Build("node18", "OpenSSL", NODE),
    Build("node22", "OpenSSL", NODE),
    Build("node24", "OpenSSL", NODE),
    Build("netty", "BoringSSL", NETTY),
    Build("mysql8", "OpenSSL", keys=False, nameless=False),
    Build("arm64-debian11", "OpenSSL"),
    Build("arm64-debian12", "OpenSSL"),
    Build("arm64-debian13", "OpenSSL"),
    Build("arm64-debian-sid", "OpenSSL"),
    Build("arm64-android", "BoringSSL", nameless=False),
    Build("arm64-netty", "BoringSSL"),
    Build("arm64-node24", "OpenSSL"),
    Build("gnutls11", "", keys=False, nameless=False),
    Build("gnutls13", "", keys=False, nameless=False),
    Build("gnutls-sid", "", keys=False, nameless=False),
)

REGISTRIES = {"deb": "Debian", "pip": "PyPI", "npm": "npm", "mvn": "Maven"}

# What is used, by the Debian package that has it.
NEEDED = {"openssl": "openssl", "readelf": "binutils", "npm": "npm", "mvn": "maven",
          "javac": "default-jdk-headless", "dpkg-deb": "dpkg"}


@dataclass
class Row:
    package: str
    version: str
    found: Found = field(default_factory=Found)
    symbols: str = ""
    nameless: str = ""  # what is found without symbols
    result: str = ""    # of the connections
    faults: list = field(default_factory=list)


def say(text):
    print(text, file=sys.stderr, flush=True)


def say_what_is_not_installed():
    missing = [package for program, package in NEEDED.items() if not shutil.which(program)]
    if subprocess.run([sys.executable, "-m", "pip", "--version"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL, check=False).returncode:
        missing.append("python3-pip")
    if missing:
        say(f"not installed, so some builds are left out: apt-get install {' '.join(missing)}")


def fetch(name):
    """The row with its package and version, the file, the directory; or why not."""
    done = subprocess.run([FETCH, "--describe", name], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    described, file = done.stdout.splitlines()
    how, package, version, directory = described.split("\t")
    machine = ", arm64" if name.startswith("arm64-") else ""
    return Row(f"{REGISTRIES[how]}: {package}{machine}", version), file, directory


def judge(build, row):
    found = row.found
    if found.library != build.library:
        row.faults.append(f"is taken for {found.library or 'neither OpenSSL nor BoringSSL'}")
    if bool(found.keys) != build.keys:
        row.faults.append("a key log is found" if found.keys else "no key log is found")
    if (PREMASTER in found.places) != (build.keys and build.library == "OpenSSL"):
        row.faults.append(f"{'no ' * (PREMASTER not in found.places)}{PREMASTER} are found")
    if bool(found.io) != bool(build.library):
        row.faults.append("I/O is found" if found.io else "no I/O is found")
    if row.faults:
        row.faults += found.missing


def judge_nameless(ecapture, row, file, work):
    copy = str(work / "nameless")
    erase_names(file, copy)
    found = locate(ecapture, copy)
    row.nameless = "the same" if found.places == row.found.places else "FAILED"
    if row.nameless == "FAILED":
        row.faults += [f"without symbols: {found.places}, not {row.found.places}", *found.missing]


def check(ecapture, build, work):
    row, file, directory = fetch(build.name)
    row.found = locate(ecapture, file)
    row.symbols = symbols(file)
    judge(build, row)
    if build.nameless:
        judge_nameless(ecapture, row, file, work)
    if not build.client:
        return row
    program = build.client.command[0].replace("BUILD", file)
    # One source file is compiled as it is run: java alone is not enough.
    if not shutil.which("javac" if program == "java" else program):
        row.result = f"no {program}"
        return row
    try:
        row.result = connect(ecapture, build.client, file, directory, work)
    except Failed as failed:
        row.result = "FAILED"
        row.faults.append(str(failed))
    return row


def table(rows):
    head = ("package", "version", "library", "stripped; SSL_read in", "key log function by",
            "reads and writes by", "without symbols", "key lines of a connection")
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for row in rows:
        keys = row.found.keys.split(", at ")[0]  # where is of no interest here
        cells = (row.package, row.version, row.found.flavour or "another", row.symbols,
                 keys or "none", row.found.io or "none", row.nameless or "-", row.result or "-")
        print("| " + " | ".join(cells) + " |")


def main(names):
    ecapture = [os.environ["ECAPTURE"]]
    if "ECAPTURE_PLUGIN_DIR" in os.environ:
        ecapture += ["--plugin-dir", os.environ["ECAPTURE_PLUGIN_DIR"]]
    unknown = set(names) - {build.name for build in BUILDS}
    if unknown:
        sys.exit(f"no build called {', '.join(unknown)}")
    say_what_is_not_installed()
    rows, not_fetched = [], 0
    with tempfile.TemporaryDirectory(prefix="ecapture-builds-") as work:
        for build in BUILDS:
            if names and build.name not in names:
                continue
            try:
                rows.append(check(ecapture, build, Path(work)))
            except Failed as failed:
                not_fetched += 1
                say(f"{build.name}: not fetched: {failed}")
                continue
            say(f"{build.name}: {'; '.join(rows[-1].faults) or 'ok'}")
    table(rows)
    failed = sum(bool(row.faults) for row in rows)
    print(f"\n{len(rows) - failed} as expected, {failed} failed, {not_fetched} not fetched")
    return 77 if not rows else failed > 0


sys.exit(main(sys.argv[1:]))
