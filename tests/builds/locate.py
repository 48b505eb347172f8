# SPDX-License-Identifier: Apache-2.0
"""What "ecapture modules probe" finds in a file, and what symbols the file has."""
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


PREMASTER = "premaster secrets of RSA"


@dataclass
class Found:
    library: str = ""   # "OpenSSL" or "BoringSSL"
    flavour: str = ""   # the same with its version, where the file tells it
    keys: str = ""      # how the key log function was found
    io: str = ""        # how those that read and write were
    missing: list = field(default_factory=list)
    places: dict = field(default_factory=dict)  # address by what is there


def version(file):
    """"OpenSSL 3.5.8", which libcrypto says; it lies beside libssl."""
    for beside in sorted(Path(file).parent.glob("libcrypto*.so*")):
        said = re.search(rb"OpenSSL \d+\.\d+\.\d+[a-z]?", beside.read_bytes())
        if said:
            return said.group().decode()
    return ""


def locate(ecapture, file):
    done = subprocess.run([*ecapture, "modules", "probe", file, "tls", "-o", "json"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    try:
        tls = json.loads(done.stdout)["modules"][0]
    except (ValueError, LookupError):
        return Found(missing=[f"modules probe ended with {done.returncode}: {done.stderr.strip()}"])
    facts = tls["facts"]
    wanted = ("keys", PREMASTER, "plaintext received", "plaintext sent")
    how = {place["what"]: place["how"] for place in tls["places"]}
    found = Found(facts.get("library", ""), " ".join(facts.get("version", "").split()[:2]))
    found.places = {place["what"]: place["address"] for place in tls["places"]
                    if place["what"] in wanted}
    found.keys = how.get("keys", "")
    if "plaintext received" in how and "plaintext sent" in how:
        found.io = how["plaintext received"]
    if found.library == "BoringSSL":
        found.flavour = found.library
    elif found.library and not found.flavour:
        found.flavour = version(file) or found.library
    found.missing = [f"{row['what']}: {row['reason']}" for row in tls["missing"]]
    if tls["error"]:
        found.missing.append(tls["error"])
    return found


# How the names begin that say what a function of OpenSSL or BoringSSL is.
NAMES = rb"(?<=\0)(SSL|ssl|BIO|ERR|ossl|dtls|tls|EVP|CRYPTO|OPENSSL)(?=[0-9_])"


def erase_names(file, copy):
    """A copy as it would be inside a stripped program: no symbol that helps. It cannot run."""
    shutil.copyfile(file, copy)
    sections = subprocess.run(["readelf", "-SW", copy], check=True, stdout=subprocess.PIPE,
                              text=True).stdout
    offset, size = (int(number, 16) for number in re.search(
        r" \.dynstr +STRTAB +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", sections).groups())
    table = re.search(r"\[ *(\d+)\] \.symtab ", sections)
    with open(copy, "r+b") as opened:
        opened.seek(offset)
        names = opened.read(size)
        opened.seek(offset)
        opened.write(re.sub(NAMES, lambda name: b"x" * len(name[0]), names))
        if table:  # not by strip, which knows files of this machine only
            opened.seek(0x28)  # e_shoff
            headers = int.from_bytes(opened.read(8), "little")
            opened.seek(headers + 64 * int(table[1]) + 4)  # its sh_type
            opened.write(bytes(4))  # SHT_NULL


def symbols(file):
    """Whether the file is stripped, and which table names SSL_read."""
    tables = {}
    for table, option in ((".dynsym", "-D"), (".symtab", "-a")):
        listed = subprocess.run(["nm", option, file], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, check=False).stdout
        tables[table] = {line.split()[-1].split("@")[0] for line in listed.splitlines() if line}
    named = [table for table, names in tables.items() if "SSL_read" in names]
    return f"{'no' if tables['.symtab'] else 'yes'}; {', '.join(named) or 'none'}"
