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


def orders(env, variant):
    """Name of a figure, size of a call, and what else Caller.run() is told."""
    if 'exact' in variant:
        yield '1 KiB full', 1024, {'calls': env.scaled(40000)}
        return
    for size, text, _ in SIZES:
        yield f'{text} full', size, {'calls': env.scaled(200000)}
        yield f'{text} paced', size, {'calls': env.scaled(6000), 'rate': RATE}
    for size, text, _ in LARGE:
        yield f'{text} burst', size, {'calls': BURSTS * BURST // size, 'chunks': BURSTS,
                                      'pause': PAUSE}


def measure(env, values, shape, variant, caller, lib):
    """A capture for each order: its summary tells how many of these very calls were lost."""
    for name, size, order in orders(env, variant):
        figure = f'a {shape} {name}'
        try:
            with prober(env, variant, caller, lib) as tool:
                made = caller.run(size, **order)
                values.add(figure, variant, made['ns'])
                if isinstance(tool, Capture):
                    values.add(figure, f'{variant}, lost %',
                               100 * tool.stop()['lost'] / made['calls'])
        except Missing as reason:
            values.missing(figure, variant, str(reason))


def run(env, values):
    for shape, _ in SHAPES:
        try:
            lib = env.tool(f'libssl-bench-{shape}.so')
            with Caller(env, lib) as caller:
                for variant in VARIANTS:
                    measure(env, values, shape, variant, caller, lib)
        except Missing as reason:
            for name, _, _ in orders(env, 'ours'):
                values.missing(f'a {shape} {name}', 'ours', str(reason))


def ns(value):
    return f'{value:.0f} ns'


def compare(values, table, text, figure, goal):
    """Losing is cheap: where more than a little was lost, the goal is not shown."""
    lost = values.worst(figure, 'ours, lost %')
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
