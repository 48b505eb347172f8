# SPDX-License-Identifier: Apache-2.0
"""Makes connections with a build while ecapture writes their secrets, and compares these with the
key log of the server, as a set: TLS 1.2 and 1.3, one each."""
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLIENTS = HERE / "clients"
PATIENCE = 60  # seconds for any one step


class Failed(Exception):
    """What went wrong, in words."""


@dataclass
class Client:
    """How a build is used. In the command, BUILD is its file and DIR the directory it is in."""
    command: list
    protocol: str = "http"
    env: dict = field(default_factory=dict)
    deleted: bool = False  # it maps a copy that it deletes: found by the process alone


def python(name, protocol="http"):
    return Client([sys.executable, str(CLIENTS / name)], protocol, {"PYTHONPATH": "DIR"})


NODE = Client(["BUILD", str(CLIENTS / "with_node.js")])
NETTY = Client(["java", str(CLIENTS / "WithNetty.java")], env={"CLASSPATH": "DIR/jars/*"},
               deleted=True)


def certificate(work):
    cert, key = work / "cert.pem", work / "key.pem"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", key,
                        "-out", cert, "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, stderr=subprocess.DEVNULL)
    return str(cert), str(key)


class Process:
    """A program that is ended with the block, its standard error in a file."""

    def __init__(self, name, work, command, env=None):
        self.name, self.errors = name, work / f"{name}.err"
        with open(self.errors, "w", encoding="utf-8") as errors:
            self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=errors, text=True, env={**os.environ, **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.kill()
        self.popen.communicate()

    def fail(self, what):
        said = self.errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        telling = [line for line in said if "rror" in line] or said or ["without a word"]
        raise Failed(f"{self.name} {what}: {telling[-1]}")

    def line(self):
        line = self.popen.stdout.readline().strip()
        return line or self.fail("ended")

    def finish(self, what_tells=""):
        """Ends its input, and waits for it to go by itself."""
        try:
            self.popen.communicate(what_tells, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.fail(f"did not end within {PATIENCE} s")
        if self.popen.returncode:
            self.fail(f"ended with {self.popen.returncode}")

    def says(self, word):
        end = time.monotonic() + PATIENCE
        while word not in self.errors.read_text(encoding="utf-8", errors="replace"):
            if self.popen.poll() is not None or time.monotonic() > end:
                self.fail(f"never said {word!r}")
            time.sleep(0.05)

    def interrupt(self):
        self.popen.send_signal(signal.SIGINT)
        self.finish()


def lines(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")]


def compare(ours, servers):
    if not servers:
        raise Failed("the server wrote no key log")
    if set(ours) != set(servers):
        raise Failed(f"{len(set(servers) - set(ours))} of the server's {len(servers)} lines are not "
                     f"ours, {len(set(ours) - set(servers))} of ours are not the server's")
    if len(ours) != len(set(ours)):
        raise Failed("a line is there more than once")
    return f"{len(ours)} of {len(servers)} lines"


def connect(ecapture, client, file, directory, work):
    """What to print of the connections; raises Failed."""
    def fill(text):
        return text.replace("BUILD", file).replace("DIR", directory)

    cert, key = certificate(work)
    ours, theirs = work / "ours", work / "servers"
    for path in (ours, theirs):
        path.unlink(missing_ok=True)
    with Process("server", work, [sys.executable, str(HERE / "server.py"), cert, key, str(theirs),
                                  client.protocol]) as server:
        port = server.line()
        env = {name: fill(value) for name, value in client.env.items()}
        with Process("client", work, [*map(fill, client.command), port, cert], env) as program:
            program.line()
            target = ["--pid", str(program.popen.pid)] if client.deleted else ["--libssl", file]
            with Process("ecapture", work, [*ecapture, "tls", "-m", "keylog", "-k", str(ours),
                                            *target]) as capture:
                capture.says("capturing")
                program.finish("go\n")
                capture.interrupt()
        server.finish()
    return compare(lines(ours), lines(theirs))
