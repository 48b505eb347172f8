# SPDX-License-Identifier: Apache-2.0
"""(a) What a call of the target pays: unprobed, with empty probes, captured."""
from contextlib import nullcontext

from env import symbol_offset
from procs import Caller, Capture, Empty, Missing

SIZES = ((64, '64 B', 1.5), (1024, '1 KiB', 1.7), (4096, '4 KiB', 2.4), (16384, '16 KiB', 3.4))
SHAPES = (('debian', "Debian's libssl"), ('node', "node's OpenSSL"))
RATE = 20000
LARGE = SIZES[2:]  # overrun any ring at full speed: also made in bursts
BURST = 4 << 20  # bytes, a quarter of the ring
BURSTS = 20
PAUSE = 20000  # microseconds, for the reader to drain one
VARIANTS = ('unprobed', 'empty', 'ours', 'ours, exact symbols')


def write_site(env, lib, pid):
    """Where ecapture probes writes: its own word, else the function it is built to find."""
    try:
        sites = env.probe_sites(lib, pid)
    except Missing:
        sites = []
    wanted = symbol_offset(lib, 'ssl3_write')
    near = [s for s in sites if wanted <= s < wanted + 32]
    return near[0] if near else wanted


def prober(env, variant, caller, lib):
    if variant == 'unprobed':
        return nullcontext()
    if variant == 'empty':
        return Empty(env, caller.pid, lib, [write_site(env, lib, caller.pid)])
    extra = ['--exact-symbols'] if 'exact' in variant else []
    return Capture(env, caller.pid, lib, cpu=1, extra=extra)


def orders(env):
    """Name of a figure, size of a call, and what else Caller.run() is told."""
    for size, text, _ in SIZES:
        yield f'{text} full', size, {'calls': env.scaled(200000)}
        yield f'{text} paced', size, {'calls': env.scaled(6000), 'rate': RATE}
    for size, text, _ in LARGE:
        yield f'{text} burst', size, {'calls': BURSTS * BURST // size, 'chunks': BURSTS,
                                      'pause': PAUSE}


def measure(env, values, shape, variant, caller):
    if variant == 'ours, exact symbols':
        values.add(f'a {shape} 1 KiB full', variant, caller.run(1024, env.scaled(40000))['ns'])
        return
    for name, size, order in orders(env):
        values.add(f'a {shape} {name}', variant, caller.run(size, **order)['ns'])


def losses(env, values, shape, lib, caller):
    """Each alone, for its own summary: how much of it was lost."""
    for name, size, order in orders(env):
        with Capture(env, caller.pid, lib, cpu=1) as capture:
            made = caller.run(size, **order)
            said = capture.stop()
        values.add(f'a {shape} {name}', 'lost %', 100 * said['lost'] / made['calls'])


def run(env, values):
    for shape, _ in SHAPES:
        try:
            lib = env.tool(f'libssl-bench-{shape}.so')
            with Caller(env, lib) as caller:
                for variant in VARIANTS:
                    one(env, values, shape, variant, caller, lib)
                if values.now == 0 and values.of(f'a {shape} 64 B full', 'ours'):
                    losses(env, values, shape, lib, caller)
        except Missing as reason:
            refuse(env, values, shape, 'ours', reason)


def one(env, values, shape, variant, caller, lib):
    try:
        with prober(env, variant, caller, lib):
            measure(env, values, shape, variant, caller)
    except Missing as reason:
        refuse(env, values, shape, variant, reason)


def refuse(env, values, shape, variant, reason):
    for name, _, _ in orders(env):
        values.missing(f'a {shape} {name}', variant, str(reason))


def ns(value):
    return f'{value:.0f} ns'


def compare(values, table, text, figure, goal):
    """Losing is cheap: where much was lost, the goal is not shown."""
    lost = values.median(figure, 'lost %')
    table.compare(text, figure, 'ours', 'empty', ns, f'<= {goal}' if (lost or 0) < 1 else '',
                  note=f'lost {lost:.2f} %' if lost is not None else '')


def rows(env, values, table):
    for shape, name in SHAPES:
        table.title(f'(a) ns a call, shape of {name}; baseline: empty probes at the same site')
        bare = values.median(f'a {shape} 64 B full', 'unprobed')
        clock = values.median(f'a {shape} 64 B paced', 'unprobed')
        if bare is not None:
            table.row('unprobed, full speed / paced', f'{bare:.1f} / {clock:.0f} ns')
        kinds = [(s, ' full', 'full speed') for s in SIZES]
        kinds += [(s, ' burst', '4 MiB at a time') for s in LARGE]
        kinds += [(s, ' paced', f'{RATE}/s') for s in SIZES]
        for (_, text, goal), mode, what in kinds:
            compare(values, table, f'{text}, {what}', f'a {shape} {text}{mode}', goal)
        figure = f'a {shape} 1 KiB full'
        table.compare('1 KiB, full speed, --exact-symbols', figure, 'ours, exact symbols',
                      'empty', ns)
