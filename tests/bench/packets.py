# SPDX-License-Identifier: Apache-2.0
"""(e) Packets of the loopback interface into a file, beside what tcpdump -w takes for the same."""
import os
import re
import subprocess
import time
from contextlib import nullcontext
from statistics import median

from bulk import attempt
from env import spread
from nginx import make_files, wrk
from procs import Missing, Nginx, Packets, Tcpdump, cpu_ns, need

# What is sent, in what, and how much of it in a round.
FLOODS = (('udp', 'small', '64-byte datagrams', 64, 400_000),
          ('tcp', 'bulk', '64 KiB writes over one connection', 65536, 2 << 30))
VARIANTS = ('uncaptured', 'tcpdump', 'ours')


def tool_of(env, variant, words):
    if variant == 'uncaptured':
        return nullcontext()
    return {'tcpdump': Tcpdump, 'ours': Packets}[variant](env, env.file('packets'), words)


def finish(env, values, figure, variant, tool, own, sent):
    """What the tool took of the CPU for each thing sent, and what it missed."""
    said = tool.stop()
    values.add(figure + ' own', variant, (tool.cpu - own) / sent)
    values.add(figure + ' lost', variant, said['lost'])
    values.add(figure + ' packets', variant, said['packets'])


def flood(env, values, variant, kind, figure, size, amount):
    port = env.free_port()
    with tool_of(env, variant, ['port', str(port)]) as tool:
        own = cpu_ns(tool.pid) if tool else 0
        out = subprocess.run([env.tool('flood'), kind, str(port), str(env.scaled(amount)),
                              str(size)], capture_output=True, text=True, timeout=120).stdout
        if not out:
            raise Missing('flood: no answer')
        elapsed, moved = map(int, out.split())
        values.add(figure, variant, elapsed / moved)
        if tool:
            finish(env, values, figure, variant, tool, own, moved)


def requests(env, values, variant):
    with Nginx(env, make_files(env)) as nginx:
        time.sleep(0.1)
        with tool_of(env, variant, ['port', str(nginx.port)]) as tool:
            own = cpu_ns(tool.pid) if tool else 0
            n, rate = wrk(env, nginx.port, '1k.html', 1 if env.quick else 2)
            values.add('e tls', variant, 1e9 / rate)
            if tool:
                finish(env, values, 'e tls', variant, tool, own, n)


def clean(env):
    if os.path.exists(env.file('packets')):
        os.unlink(env.file('packets'))


def run(env, values):
    try:
        need('tcpdump')
        env.make_certificate()
        env.copy_libraries()
    except Missing as reason:
        values.missing('e small', 'uncaptured', str(reason))
        return
    for kind, name, _, size, amount in FLOODS:
        for variant in VARIANTS:
            attempt(values, f'e {name}', variant, flood, env, values, variant, kind, f'e {name}',
                    size, amount)
            clean(env)
    for variant in VARIANTS:
        attempt(values, 'e tls', variant, requests, env, values, variant)
        clean(env)


def cost(values, table, figure, fmt):
    """What is added to the uncaptured, over what tcpdump adds."""
    bare, theirs, ours = (values.of(figure, v) for v in VARIANTS)
    both = [(theirs[r] - bare[r], ours[r] - bare[r]) for r in sorted(ours)
            if bare.get(r) and theirs.get(r, 0) > bare[r]]
    if not both:
        return table.row('time added, tcpdump and ours', '-', '-', '-', '<= 1.10')
    ratios = [b / a for a, b in both]
    a, b = (median(x) for x in zip(*both))
    return table.row('time added, tcpdump and ours', fmt(a), fmt(b), f'{median(ratios):.2f}',
                     '<= 1.10', spread(ratios))


def lost(values, table, figure):
    """Packets seen and missed, of the worst round."""
    def cell(variant):
        seen, missed = (values.worst(f'{figure} {what}', variant) for what in ('packets', 'lost'))
        return f'{missed:.0f} of {seen + missed:.0f}' if seen is not None else '-'
    table.row('packets lost, tcpdump and ours', cell('tcpdump'), cell('ours'), '', '0')


def ns(value):
    return f'{value:.0f} ns'


def per_kib(value):
    return f'{value * 1024:.0f} ns/KiB'


def rows(env, values, table):
    sets = [(f'e {name}', text, per_kib if kind == 'tcp' else ns)
            for kind, name, text, _, _ in FLOODS]
    for figure, text, fmt in sets + [('e tls', 'nginx and wrk, 1 KiB answers, a request', ns)]:
        table.title(f'(e) packets: {text}; baseline: uncaptured')
        table.compare('time, tcpdump -w', figure, 'tcpdump', 'uncaptured', fmt)
        table.compare('time, -m pcapng', figure, 'ours', 'uncaptured', fmt)
        cost(values, table, figure, fmt)
        table.compare('own CPU, tcpdump and ours', figure + ' own', 'ours', 'tcpdump', fmt)
        lost(values, table, figure)
