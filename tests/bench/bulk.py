# SPDX-License-Identifier: Apache-2.0
"""(c) Much data over one connection: nginx to curl, and a server that writes 64 KiB a call."""
import os
import re
import subprocess
import time

from nginx import LINE, prober
from procs import Capture, Missing, Nginx, Program, cpu_ns, need, pinned

FILE_MIB = 64
CONTENTS = (('text', 'text'), ('random', 'random bytes'))
VARIANTS = ('uncaptured', 'empty', 'ours', 'bpftrace')


def make_files(env):
    root = env.file('bulk')
    if not os.path.isdir(root):
        os.mkdir(root)
        with open(os.path.join(root, 'text'), 'wb') as f:
            f.write((LINE * ((FILE_MIB << 20) // len(LINE) + 1))[:FILE_MIB << 20])
        with open(os.path.join(root, 'random'), 'wb') as f:
            for _ in range(FILE_MIB):
                f.write(os.urandom(1 << 20))
    return root


def download(port, name, times):
    """One curl, one connection, the file several times. Returns bytes and seconds."""
    argv = [need('curl'), '-sk', '--http1.1', '--tlsv1.3', '-w', '%{num_connects} %{size_download}\n']
    argv += ['-o', '/dev/null', f'https://127.0.0.1:{port}/{name}'] * times
    begin = time.monotonic()
    out = subprocess.run(pinned(1, argv), capture_output=True, text=True, timeout=120).stdout
    seconds = time.monotonic() - begin
    lines = [[int(n) for n in text.split()] for text in out.splitlines()]
    if len(lines) != times or sum(n[0] for n in lines) != 1:
        raise Missing('curl did not fetch all over one connection')
    return sum(n[1] for n in lines), seconds


def measure_nginx(env, values, nginx, figure, variant, name):
    times = 4 if env.quick else 16
    with prober(env, variant, nginx.worker) as tool:
        cpu, own = cpu_ns(nginx.worker), cpu_ns(tool.pid) if tool else 0
        moved, seconds = download(nginx.port, name, times)
        values.add(figure + ' rate', variant, moved / seconds / 1e6)
        values.add(figure + ' cpu', variant, (cpu_ns(nginx.worker) - cpu) / (moved >> 10))
        if tool:
            values.add(figure + ' tool', variant, (cpu_ns(tool.pid) - own) / (moved >> 10))
        if isinstance(tool, Capture):
            said = tool.stop()
            values.add(figure + ' seen', variant, 100 * said['bytes'] / moved)
            values.add(figure + ' lost', variant, said['lost'])


class Stream(Program):
    """The server of stream.c with the private libssl."""

    def __init__(self, env, mib):
        super().__init__(pinned(0, [env.tool('stream'), 'server', env.cert, env.key,
                                    str(mib << 20), '65536']),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         env=dict(os.environ, LD_LIBRARY_PATH=env.libdir))
        self.client = env.tool('stream')

    def ready(self):
        self.port = int(self.line(self.child.stdout, 5) or 0)
        if not self.port:
            raise Missing('the server of 64 KiB writes does not start')

    def transfer(self):
        """Bytes, seconds and CPU nanoseconds of one connection."""
        out = subprocess.run(pinned(1, [self.client, 'client', str(self.port)]),
                             capture_output=True, text=True, timeout=60).stdout
        elapsed, cpu = (int(n) for n in self.line(self.child.stdout, 5).split())
        return int(out), elapsed / 1e9, cpu


def measure_stream(env, values, server, variant):
    with prober(env, variant, server.pid) as tool:
        moved, seconds, cpu = server.transfer()
        values.add('c 64k rate', variant, moved / seconds / 1e6)
        values.add('c 64k cpu', variant, cpu / (moved >> 10))
        if isinstance(tool, Capture):
            said = tool.stop()
            values.add('c 64k seen', variant, 100 * said['bytes'] / moved)
            values.add('c 64k lost', variant, said['lost'])


def count_json(env, values):
    """The bytes once more, not from the summary but from the events themselves."""
    events = env.file('events')
    with Stream(env, 32) as server:
        with Capture(env, server.pid, env.libssl, 'json', events) as tool:
            moved = server.transfer()[0]
            tool.stop()
    with open(events, encoding='utf-8') as f:
        seen = sum(int(re.search(r'"len": *(\d+)', text).group(1)) for text in f
                   if re.search(r'"direction": *"send"', text[:1024]))
    os.unlink(events)
    values.add('c 64k json', 'ours', 100 * seen / moved)


def run(env, values):
    try:
        env.make_certificate()
        env.copy_libraries()
        with Nginx(env, make_files(env)) as nginx:
            time.sleep(0.1)
            download(nginx.port, 'text', 1)
            for name, _ in CONTENTS:
                for variant in VARIANTS:
                    attempt(values, f'c {name}', variant, measure_nginx, env, values, nginx,
                            f'c {name}', variant, name)
    except Missing as reason:
        for name, _ in CONTENTS:
            values.missing(f'c {name} rate', 'uncaptured', str(reason))
    run_stream(env, values)


def run_stream(env, values):
    try:
        with Stream(env, 128 if env.quick else 512) as server:
            for variant in VARIANTS:
                attempt(values, 'c 64k', variant, measure_stream, env, values, server, variant)
        attempt(values, 'c 64k json', 'ours', count_json, env, values)
    except Missing as reason:
        values.missing('c 64k rate', 'uncaptured', str(reason))


def attempt(values, figure, variant, function, *args):
    try:
        function(*args)
    except Missing as reason:
        for what in ('', ' rate', ' cpu'):
            values.missing(figure + what, variant, str(reason))


def rate(value):
    return f'{value:.0f} MB/s'


def per_kib(value):
    return f'{value:.0f} ns/KiB'


def percent(value):
    return f'{value:.2f} %'


def share(values, table, text, figure):
    seen = values.worst(figure + ' seen', 'ours', min)
    lost = values.worst(figure + ' lost', 'ours')
    if seen is None:
        table.row(text, '100 %', values.reasons.get((figure + ' rate', 'ours'), '-'), '', '100 %')
    else:
        table.row(text, '100 %', percent(seen), '', '100 %', f'lost {lost:.0f} records')


def rows(env, values, table):
    sets = [(f'c {name}', f'{FILE_MIB * (4 if env.quick else 16)} MiB of {what}, nginx to curl')
            for name, what in CONTENTS] + [('c 64k', '64 KiB a call, own server and client')]
    for figure, text in sets:
        table.title(f'(c) {text}; baseline: uncaptured')
        goal = '>= 0.78' if figure != 'c 64k' else ''
        table.compare('MB/s', figure + ' rate', 'ours', 'uncaptured', rate, goal)
        table.compare('MB/s, empty probes', figure + ' rate', 'empty', 'uncaptured', rate)
        table.compare('MB/s, bpftrace', figure + ' rate', 'bpftrace', 'uncaptured', rate)
        table.compare('server CPU', figure + ' cpu', 'ours', 'uncaptured', per_kib)
        if figure != 'c 64k':
            own = values.median(figure + ' tool', 'ours')
            table.row('own CPU', '', per_kib(own) if own is not None else '-')
        share(values, table, 'bytes captured, by the summary', figure)
    seen = values.worst('c 64k json', 'ours', min)
    table.row('bytes captured, by the JSON events', '100 %',
              percent(seen) if seen is not None else values.reasons.get(('c 64k json', 'ours'), '-'),
              '', '100 %')
