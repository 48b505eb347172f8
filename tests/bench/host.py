# SPDX-License-Identifier: Apache-2.0
"""(d) The host itself: how fast it drains, what it costs when idle, memory, start."""
import os
import statistics
import time

from procs import Caller, Capture, Missing, threads_ns

SINKS = (('text', '/dev/null'), ('json', '/dev/null'), ('text', 'file'), ('json', 'file'))
GOALS = {('text', 'file'): '>= 1 M/s', ('json', 'file'): '>= 200 k/s'}
SIZE = 1024


def drain(env, values, lib, fmt, where):
    """Writer on CPU 0, reader on CPU 1. What the busiest thread of ecapture spent on a record
    tells how many it can drain; the wall clock how many came through, which the writer limits.
    """
    sink = env.file('events') if where == 'file' else where
    figure = f'd {fmt} {where}'
    with Caller(env, lib) as caller, Capture(env, caller.pid, lib, fmt, sink, cpu=1) as tool:
        before = threads_ns(tool.pid)
        begin = time.monotonic()
        made = caller.run(SIZE, env.scaled(200000))
        spent, end = settle(tool.pid, before)
        said = tool.stop()
    got = said['events']
    values.add(figure, 'ns', spent / got)
    values.add(figure, 'wall', got / (end - begin))
    values.add(figure, 'lost %', 100 * said['lost'] / made['calls'])
    if where == 'file':
        values.add(figure, 'size', os.path.getsize(sink) / got)
        os.unlink(sink)


def settle(pid, before):
    """Waits until the ring is drained: CPU of the thread that did it, and when that was."""
    spent, end = -1, 0
    while True:
        at = time.monotonic()
        now = max(ns - before.get(tid, 0) for tid, ns in threads_ns(pid).items())
        if now - spent > 100000:  # in 20 ms; idle is far below
            spent, end = now, at
        elif at - end > 0.1:
            return now, end
        time.sleep(0.02)


def memory(pid):
    """Anonymous memory in KiB: heap and stacks. The ring is mapped from the kernel, so not in
    it."""
    with open(f'/proc/{pid}/smaps_rollup') as f:
        return next(int(text.split()[1]) for text in f if text.startswith('Anonymous:'))


def resting(env, values, lib):
    """Idle CPU in ms a second, and memory before and after work. The first second is start."""
    seconds = 3 if env.quick else 10
    with Caller(env, lib) as caller, Capture(env, caller.pid, lib, cpu=1) as tool:
        time.sleep(1)
        values.add('d memory', 'idle', memory(tool.pid) / 1024)
        before = sum(threads_ns(tool.pid).values())
        time.sleep(seconds)
        values.add('d idle', 'ours', (sum(threads_ns(tool.pid).values()) - before) / 1e6 / seconds)
        caller.run(SIZE, env.scaled(200000))
        values.add('d memory', 'worked', memory(tool.pid) / 1024)


def start(env, values, lib):
    with Caller(env, lib) as caller:
        started, stopped = [], []
        for _ in range(7):
            with Capture(env, caller.pid, lib) as tool:
                tool.stop()
            started.append(tool.started)
            stopped.append(tool.stopped)
    values.add('d start', 'ours', statistics.median(started))
    values.add('d start', 'worst', max(started))
    values.add('d stop', 'ours', statistics.median(stopped))


def run(env, values):
    steps = [(f'd {fmt} {where}', drain, (fmt, where)) for fmt, where in SINKS]
    if values.now == 0:
        steps += [('d idle', resting, ()), ('d start', start, ())]
    for figure, function, args in steps:
        try:
            function(env, values, env.tool('libssl-bench-debian.so'), *args)
        except Missing as reason:
            values.missing(figure, 'ours', str(reason))


def thousands(value):
    return f'{value / 1e6:.2f} M/s' if value >= 1e6 else f'{value / 1e3:.0f} k/s'


def rows(env, values, table):
    table.title('(d) the host; events of 1 KiB')
    for fmt, where in SINKS:
        figure, goal = f'd {fmt} {where}', GOALS.get((fmt, where), '')
        ns = values.of(figure, 'ns')
        text = f'{"JSON" if fmt == "json" else fmt} to {"a file" if where == "file" else where}'
        if not ns:
            table.row(text, '', values.reasons.get((figure, 'ours'), '-'), '', goal)
            continue
        rates = [1e9 / v for v in ns.values()]
        wall, lost = values.median(figure, 'wall'), values.worst(figure, 'lost %')
        table.row(f'{text}, by CPU a record', f'{statistics.median(ns.values()):.0f} ns',
                  thousands(statistics.median(rates)), '', goal,
                  f'{thousands(min(rates))}..{thousands(max(rates))}')
        table.row(f'{text}, by the clock', '', thousands(wall), '', '', f'lost {lost:.2f} %')
    single(values, table, 'idle CPU', 'd idle', 'ours', '{:.3f} ms/s', '<= 0.5 ms/s')
    single(values, table, 'anonymous memory, idle', 'd memory', 'idle', '{:.1f} MiB', '<= 8 MiB')
    single(values, table, 'anonymous memory, after work', 'd memory', 'worked', '{:.1f} MiB',
           '<= 8 MiB')
    worst = values.median('d start', 'worst')
    single(values, table, 'start to attached', 'd start', 'ours', '{:.0f} ms', '<= 150 ms',
           f'worst of 7: {worst:.0f} ms' if worst else '')
    single(values, table, 'SIGINT to exit', 'd stop', 'ours', '{:.0f} ms', '<= 2000 ms')


def single(values, table, text, figure, variant, fmt, goal, note=''):
    value = values.median(figure, variant)
    shown = fmt.format(value) if value is not None else values.reasons.get((figure, 'ours'), '-')
    table.row(text, '', shown, '', goal, note)
