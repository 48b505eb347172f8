# SPDX-License-Identifier: Apache-2.0
"""Runs the figures in rounds, A B C ... A B C ..., and prints one table. Started by run.sh."""
import os
import sys
import time

import bulk
import calls
import host
import nginx
import packets
from env import Env, Table, Values

GROUPS = (('a', calls), ('b', nginx), ('c', bulk), ('d', host), ('e', packets))


def machine():
    """Time that the processors had, and the part that the hypervisor took away (proc(5))."""
    with open('/proc/stat') as f:
        times = [int(n) for n in f.readline().split()[1:9]]
    return sum(times), times[7]


def main():
    env, values = Env(), Values()
    table = Table(values)
    load, (total, stolen) = os.getloadavg()[0], machine()
    chosen = [(name, group) for name, group in GROUPS if name in env.groups]
    for values.now in range(env.rounds):
        for name, group in chosen:
            begin = time.monotonic()
            group.run(env, values)
            print(f'round {values.now + 1} of {env.rounds}, ({name}): '
                  f'{time.monotonic() - begin:.0f} s', file=sys.stderr)
    for _, group in chosen:
        group.rows(env, values, table)
    table.print()
    now, taken = machine()
    print(f'\n{env.rounds} rounds; Linux {os.uname().release}, {os.cpu_count()} CPUs; load '
          f'{load:.1f} before, {100 * (taken - stolen) / (now - total):.1f} % stolen')
    values.write(os.path.join(env.build, 'values.tsv'))


main()
