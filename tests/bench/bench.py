# SPDX-License-Identifier: Apache-2.0
"""Runs the figures in rounds, A B C ... A B C ..., and prints one table. Started by run.sh."""
import os
import sys
import time

import bulk
import calls
import host
import nginx
from env import Env, Table, Values

GROUPS = (('a', calls), ('b', nginx), ('c', bulk), ('d', host))


def main():
    env, values = Env(), Values()
    table = Table(values)
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
    values.write(os.path.join(env.build, 'values.tsv'))


main()
