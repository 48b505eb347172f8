# SPDX-License-Identifier: Apache-2.0
"""What the figures share: paths, how long to run, the collected values and the table."""
import os
import re
import shutil
import socket
import statistics
import subprocess

from procs import Capture, Missing, need


class Env:
    def __init__(self):
        get = os.environ.get
        self.ecapture = get('ECAPTURE', 'ecapture')
        self.plugin_dir = get('ECAPTURE_PLUGIN_DIR')
        self.build, self.work = get('BENCH_BUILD'), get('BENCH_WORK')
        self.quick = get('QUICK') == '1'
        self.rounds = int(get('ROUNDS') or (1 if self.quick else 3))
        self.groups = (get('FIGURES') or 'a b c d e').split()
        self.libdir = self.file('lib')
        self.cert, self.key = self.file('cert.pem'), self.file('key.pem')
        self.sites = {}

    def tool(self, name):
        path = os.path.join(self.build, name)
        if not os.path.exists(path):
            raise Missing(f'{name} was not built')
        return path

    def file(self, name):
        return os.path.join(self.work, name)

    def scaled(self, n):
        return n // 4 if self.quick else n

    @staticmethod
    def free_port():
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            return s.getsockname()[1]

    def make_certificate(self):
        if not os.path.exists(self.cert):
            subprocess.run([need('openssl'), 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                            'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
                            '/CN=localhost', '-keyout', self.key, '-out', self.cert],
                           check=True, stderr=subprocess.DEVNULL)

    def copy_libraries(self):
        """libssl and libcrypto that nobody else maps: probes sit on files, not on programs."""
        if os.path.isdir(self.libdir):
            return
        found = subprocess.run(['ldd', need('nginx')], capture_output=True, text=True).stdout
        libs = re.findall(r'=> (\S*/lib(?:ssl|crypto)\.so\S*)', found)
        if len(libs) != 2:
            raise Missing('nginx is not linked to libssl')
        os.mkdir(self.libdir)
        for lib in libs:
            shutil.copy(lib, self.libdir)

    @property
    def libssl(self):
        return next(os.path.join(self.libdir, f) for f in sorted(os.listdir(self.libdir))
                    if f.startswith('libssl'))

    def probe_sites(self, lib, pid):
        """File offsets of the read and write sites, as ecapture --debug names them."""
        if lib not in self.sites:
            with Capture(self, pid, lib, extra=['--debug']) as capture:
                capture.stop()
            self.sites[lib] = [int(m.group(1), 16) for text in capture.log
                               if (m := SITE.search(text))]
        return self.sites[lib]


# A line of the log that names a read or write function and where its probe is in the file.
SITE = re.compile(r'\b\w*(?:read|write)\w* at 0x[0-9a-f]+ \(file offset (0x[0-9a-f]+)\)')


def symbol_offset(lib, name):
    """File offset of a function, by the symbol table and the program headers."""
    out = subprocess.run(['nm', lib], capture_output=True, text=True).stdout
    m = re.search(rf'^([0-9a-f]+) [tT] {name}$', out, re.M)
    if not m:
        raise Missing(f'{lib} has no symbol {name}')
    address = int(m.group(1), 16)
    out = subprocess.run(['readelf', '-lW', lib], capture_output=True, text=True).stdout
    for offset, va, size in re.findall(r'LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+)', out):
        if int(va, 16) <= address < int(va, 16) + int(size, 16):
            return address - int(va, 16) + int(offset, 16)
    raise Missing(f'{name} of {lib} is in no segment')


class Values:
    """One value a round for each variant of each figure; a reason where there is none."""

    def __init__(self):
        self.rounds, self.reasons, self.now = {}, {}, 0

    def add(self, figure, variant, value):
        self.rounds.setdefault((figure, variant), {})[self.now] = value

    def missing(self, figure, variant, reason):
        self.reasons[figure, variant] = reason

    def of(self, figure, variant):
        return self.rounds.get((figure, variant), {})

    def median(self, figure, variant):
        values = self.of(figure, variant).values()
        return statistics.median(values) if values else None

    def worst(self, figure, variant, of=max):
        values = self.of(figure, variant).values()
        return of(values) if values else None

    def ratios(self, figure, over, under):
        """Per round, so that what slows down the whole machine cancels out."""
        a, b = self.of(figure, over), self.of(figure, under)
        return [a[r] / b[r] for r in sorted(a) if b.get(r)]

    def write(self, path):
        with open(path, 'w') as f:
            f.write('figure\tvariant\tround\tvalue\n')
            for (figure, variant), rounds in self.rounds.items():
                for r, value in sorted(rounds.items()):
                    f.write(f'{figure}\t{variant}\t{r}\t{value:.6g}\n')


def spread(values):
    return f'{min(values):.2f}..{max(values):.2f}' if len(values) > 1 else ''


class Table:
    HEAD = ('figure', 'baseline', 'ours', 'ratio', 'goal', 'spread')

    def __init__(self, values):
        self.values, self.rows = values, []

    def title(self, text):
        self.rows.append((text,))

    def row(self, figure, baseline='', ours='', ratio='', goal='', spread=''):
        self.rows.append((figure, baseline, ours, ratio, goal, spread))

    def compare(self, text, figure, ours, base, fmt, goal='', ratio_fmt='{:.2f}', note=''):
        """A row of two variants; without a value its reason stands in the place."""
        v = self.values
        cells = []
        for variant in (base, ours):
            m = v.median(figure, variant)
            cells.append(fmt(m) if m is not None else v.reasons.get((figure, variant), '-'))
        r = v.ratios(figure, ours, base)
        ratio = ratio_fmt.format(statistics.median(r)) if r else '-'
        self.row(text, *cells, ratio, goal, ' '.join(filter(None, [spread(r), note])))

    def print(self):
        full = [r for r in self.rows if len(r) > 1] + [self.HEAD]
        width = [max(len(r[i]) for r in full) for i in range(len(self.HEAD))]
        line = '  '.join('{:<%d}' % w if i == 0 else '{:>%d}' % w for i, w in enumerate(width))
        print(line.format(*self.HEAD))
        print('  '.join('-' * w for w in width))
        for r in self.rows:
            print(line.format(*r).rstrip() if len(r) > 1 else f'\n{r[0]}')
