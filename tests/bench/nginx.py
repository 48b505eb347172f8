# SPDX-License-Identifier: Apache-2.0
"""(b) Small answers: nginx on CPU 0, wrk with keep-alive on CPU 1, TLS 1.3."""
import os
import re
import subprocess
import time
from contextlib import nullcontext
from statistics import median

from env import spread
from procs import Bpftrace, Capture, Empty, Missing, Nginx, cpu_ns, need, pinned

FILES = (('1 KiB', '1k.html', 1024), ('16 KiB', '16k.html', 16384))
VARIANTS = ('uncaptured', 'empty', 'ours', 'ours, file', 'ours, JSON file', 'bpftrace')
VARIANTS_16K = ('uncaptured', 'empty', 'ours', 'bpftrace')
LINE = b'<li class="item"><a href="/path/to?x=1">plain text</a></li>\r\n'


def make_files(env):
    root = env.file('www')
    if not os.path.isdir(root):
        os.mkdir(root)
        for _, name, size in FILES:
            with open(os.path.join(root, name), 'wb') as f:
                f.write((LINE * (size // len(LINE) + 1))[:size])
    return root


def prober(env, variant, pid):
    if variant == 'uncaptured':
        return nullcontext()
    if variant == 'empty':
        sites = env.probe_sites(env.libssl, pid)
        if not sites:
            raise Missing('ecapture --debug names no site')
        return Empty(env, pid, env.libssl, sites)
    if variant == 'bpftrace':
        return Bpftrace(env, pid, env.libssl)
    sink = env.file('events') if 'file' in variant else '/dev/null'
    return Capture(env, pid, env.libssl, 'json' if 'JSON' in variant else 'text', sink)


def wrk(env, port, name, seconds):
    """Requests answered, and how many that is a second."""
    out = subprocess.run(pinned(1, [need('wrk'), '-t1', '-c16', f'-d{seconds}s',
                                    f'https://127.0.0.1:{port}/{name}']),
                         capture_output=True, text=True).stdout
    m = re.search(r'(\d+) requests in ([\d.]+)s', out)
    if not m or 'Non-2xx' in out or 'Socket errors' in out:
        raise Missing('wrk: ' + (out.strip().splitlines() or ['no output'])[-1])
    return int(m.group(1)), float(re.search(r'Requests/sec: *([\d.]+)', out).group(1))


def measure(env, values, nginx, figure, variant, name):
    with prober(env, variant, nginx.worker) as tool:
        cpu, own = cpu_ns(nginx.worker), cpu_ns(tool.pid) if tool else 0
        requests, rate = wrk(env, nginx.port, name, 1 if env.quick else 2)
        values.add(figure + ' rate', variant, rate)
        values.add(figure + ' cpu', variant, (cpu_ns(nginx.worker) - cpu) / requests / 1000)
        if tool:
            values.add(figure + ' tool', variant, (cpu_ns(tool.pid) - own) / requests / 1000)
        if isinstance(tool, Capture):
            said = tool.stop()
            values.add(figure + ' events', variant, said['events'] / requests)
            values.add(figure + ' lost', variant, said['lost'])


def run(env, values):
    try:
        env.make_certificate()
        env.copy_libraries()
        with Nginx(env, make_files(env)) as nginx:
            time.sleep(0.1)
            wrk(env, nginx.port, FILES[0][1], 1)
            for text, name, _ in FILES:
                for variant in VARIANTS if text == '1 KiB' else VARIANTS_16K:
                    one(env, values, nginx, f'b {text}', variant, name)
    except Missing as reason:
        for text, _, _ in FILES:
            values.missing(f'b {text} rate', 'uncaptured', str(reason))


def one(env, values, nginx, figure, variant, name):
    try:
        measure(env, values, nginx, figure, variant, name)
    except Missing as reason:
        for what in (' rate', ' cpu'):
            values.missing(figure + what, variant, str(reason))
    finally:
        if os.path.exists(env.file('events')):
            os.unlink(env.file('events'))


def per_second(value):
    return f'{value:.0f}/s'


def us(value):
    return f'{value:.1f} us'


def added(values, table, figure):
    """What is added to the uncaptured, over what empty probes add."""
    bare, empty, ours = (values.of(figure, v) for v in ('uncaptured', 'empty', 'ours'))
    both = [(empty[r] - bare[r], ours[r] - bare[r]) for r in sorted(ours)
            if bare.get(r) and empty.get(r, 0) > bare[r]]
    if both:
        ratios = [b / a for a, b in both]
        a, b = (median(x) for x in zip(*both))
        table.row('CPU added to a request, empty and ours', us(a), us(b),
                  f'{median(ratios):.2f}', '', spread(ratios))


def note(values, figure, variant):
    events = values.median(figure + ' events', variant)
    lost = values.worst(figure + ' lost', variant)
    return f'{events:.2f} events a request, lost {lost:.0f}' if events is not None else ''


def rows(env, values, table):
    for text, _, _ in FILES:
        figure, small = f'b {text}', text == '1 KiB'
        table.title(f'(b) nginx and wrk, {text} answers; baseline: uncaptured')
        sinks = (('ours', 'text to /dev/null'), ('ours, file', 'text to a file'),
                 ('ours, JSON file', 'JSON to a file'))
        for variant, what in sinks if small else sinks[:1]:
            table.compare(f'requests/s, {what}', figure + ' rate', variant, 'uncaptured',
                          per_second, '>= 0.60' if small and variant == 'ours' else '',
                          note=note(values, figure, variant))
        table.compare('requests/s with empty probes, same sites', figure + ' rate', 'empty',
                      'uncaptured', per_second)
        table.compare('requests/s with bpftrace', figure + ' rate', 'bpftrace', 'uncaptured',
                      per_second)
        table.compare('requests/s, ours over bpftrace', figure + ' rate', 'ours', 'bpftrace',
                      per_second, '>= 2.2' if small else '')
        table.compare('nginx CPU a request', figure + ' cpu', 'ours', 'uncaptured', us,
                      '<= 1.7' if small else '')
        table.compare('nginx CPU a request, empty probes', figure + ' cpu', 'empty',
                      'uncaptured', us)
        added(values, table, figure + ' cpu')
        table.compare('nginx CPU a request, bpftrace', figure + ' cpu', 'bpftrace',
                      'uncaptured', us)
        table.compare('own CPU a request, bpftrace and ours', figure + ' tool', 'ours',
                      'bpftrace', us)
