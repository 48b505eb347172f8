# SPDX-License-Identifier: Apache-2.0
"""The programs that take part: ecapture, the empty probes, bpftrace, nginx, and small helpers.

Each is a context manager that ends what it started, and nothing else.
"""
import os
import re
import select
import shutil
import signal
import subprocess
import time


class Missing(Exception):
    """A figure that cannot be made here; the text is for its row."""


def need(tool):
    path = shutil.which(tool, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if not path:
        raise Missing(f'{tool} is not installed')
    return path


def pinned(cpu, argv):
    """On one CPU; a machine with a single one has nowhere else to go."""
    if cpu is None or (os.cpu_count() or 1) < 2:
        return argv
    return ['taskset', '-c', str(cpu)] + argv


def cpu_ns(pid, tid=None):
    """CPU time of a process or of one thread, from the scheduler's own count (proc(5))."""
    total = 0
    for task in [str(tid)] if tid else os.listdir(f'/proc/{pid}/task'):
        try:
            with open(f'/proc/{pid}/task/{task}/schedstat') as f:
                total += int(f.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def threads_ns(pid):
    return {int(tid): cpu_ns(pid, tid) for tid in os.listdir(f'/proc/{pid}/task')}


class Program:
    """A child with its output in pipes, read by lines with a deadline."""

    def __init__(self, argv, **kw):
        self.argv, self.kw, self.child, self.pending = argv, kw, None, b''

    def __enter__(self):
        self.begin = time.monotonic()
        self.child = subprocess.Popen(self.argv, **self.kw)
        self.pid = self.child.pid
        try:
            self.ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def ready(self):
        """Returns once the program is ready for work; raises Missing if it will not be."""

    def __exit__(self, *exc):
        child = self.child
        if child.stdin:
            child.stdin.close()
        self.end(signal.SIGTERM)
        for pipe in (child.stdout, child.stderr):
            if pipe:
                pipe.close()

    def end(self, sig, seconds=5):
        try:
            self.child.send_signal(sig)
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def line(self, pipe, seconds):
        """The next line, or None at the end of the file or when time is up."""
        until = time.monotonic() + seconds
        while b'\n' not in self.pending:
            left = until - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                return None
            data = os.read(pipe.fileno(), 65536)
            if not data:
                return None
            self.pending += data
        first, self.pending = self.pending.split(b'\n', 1)
        return first.decode('utf-8', 'replace')


class Capture(Program):
    """ecapture tls on one library and one process, ready once it says that it captures."""

    def __init__(self, env, pid, lib, fmt='text', sink='/dev/null', cpu=None, extra=()):
        self.log, self.started, self.path = [], 0, env.ecapture
        argv = [env.ecapture]
        if env.plugin_dir:
            argv += ['--plugin-dir', env.plugin_dir]
        argv += ['tls', '--libssl', lib, '-o', fmt, '--eventaddr', sink]
        argv += ['--pid', str(pid)] if pid else []
        super().__init__(pinned(cpu, argv + list(extra)), stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def __enter__(self):
        if not os.access(self.path, os.X_OK):
            raise Missing(f'no program {self.path}')
        return super().__enter__()

    def ready(self):
        while (text := self.line(self.child.stderr, 15)) is not None:
            self.log.append(text)
            if 'capturing' in text:
                self.started = (time.monotonic() - self.begin) * 1000
                return
        raise Missing('ecapture: ' + (self.log[-1] if self.log else 'no answer'))

    def stop(self):
        """Ends it and returns what its summary says: events, bytes, lost."""
        begin = time.monotonic()
        self.child.send_signal(signal.SIGINT)
        while (text := self.line(self.child.stderr, 15)) is not None:
            self.log.append(text)
        self.child.wait(5)
        self.stopped = (time.monotonic() - begin) * 1000
        return summary(self.log)


def summary(log):
    """The last line of the log that has all three numbers: "7 events, 79 bytes, 0 lost"."""
    for text in reversed(log):
        m = re.search(r'(\d+) events, (\d+) bytes, (\d+) lost', text)
        if m:
            return dict(zip(('events', 'bytes', 'lost'), map(int, m.groups())))
    raise Missing('ecapture: no summary')


class Tcpdump(Program):
    """tcpdump -w on the loopback interface, for the same packets."""

    def __init__(self, env, path, words):
        super().__init__([need('tcpdump'), '-i', 'lo', '-s', '0', '-B', '65536', '-Z', 'root', '-w', path] + words,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)

    def ready(self):
        while (text := self.line(self.child.stderr, 10)) is not None:
            if 'listening on' in text:
                return
        raise Missing('tcpdump does not start')

    def stop(self):
        """Packets in the file, and those that the kernel dropped."""
        time.sleep(0.2)  # it has no drain: what is in the kernel's buffer would be left
        self.cpu = cpu_ns(self.pid)
        self.child.send_signal(signal.SIGINT)
        log = self.child.stderr.read().decode()
        found = [int(n) for n in re.findall(r'^(\d+) packets? (?:captured|dropped)', log, re.M)]
        if len(found) < 2:
            raise Missing('tcpdump: no summary')
        return {'packets': found[0], 'lost': found[1]}


class Packets(Capture):
    """ecapture tls -m pcapng on the loopback interface."""

    def __init__(self, env, path, words):
        super().__init__(env, None, env.libssl, extra=['-m', 'pcapng', '-i', 'lo', '-w', path] + words)

    def stop(self):
        time.sleep(0.2)
        self.cpu = cpu_ns(self.pid)
        try:
            super().stop()
        except Missing:
            pass
        for text in reversed(self.log):
            m = re.search(r'(\d+) packets, \d+ bytes.* (\d+) packets lost', text)
            if m:
                return {'packets': int(m.group(1)), 'lost': int(m.group(2))}
        raise Missing('ecapture: no summary of packets')


class Empty(Program):
    """Probes that do nothing, at the same file offsets as the ones of ecapture."""

    def __init__(self, env, pid, lib, offsets):
        super().__init__([env.tool('empty'), env.tool('empty.bpf.o'), str(pid), lib] +
                         [hex(o) for o in offsets],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ready(self):
        if self.line(self.child.stdout, 10) != 'attached':
            raise Missing('the empty probes do not attach')


SCRIPT = '''
uprobe:{lib}:SSL_write, uprobe:{lib}:SSL_read {{ @buf[tid] = arg1; }}
uretprobe:{lib}:SSL_write, uretprobe:{lib}:SSL_read /@buf[tid] && retval <= 0x7fffffff/ {{
    printf("%s", str(@buf[tid], retval));
}}
END {{ clear(@buf); }}
'''


class Bpftrace(Program):
    """The same by a script. Its strings end at 200 bytes, the most that 0.17 can hold."""

    def __init__(self, env, pid, lib):
        super().__init__([need('bpftrace'), '-p', str(pid), '-o', '/dev/null', '-e',
                          SCRIPT.format(lib=lib)],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL,
                         env=dict(os.environ, BPFTRACE_STRLEN='200'))

    def ready(self):
        until = time.monotonic() + 15
        want = (os.cpu_count() or 1) + 4  # one perf buffer a CPU, four probes
        while time.monotonic() < until and self.child.poll() is None:
            if self.perf_events() >= want:
                return
            time.sleep(0.05)
        raise Missing('bpftrace does not attach')

    def perf_events(self):
        fds = f'/proc/{self.pid}/fd'
        try:
            return sum('perf_event' in os.readlink(f'{fds}/{fd}') for fd in os.listdir(fds))
        except OSError:
            return 0


class Caller(Program):
    """The program call: times SSL_write of the stand-in library."""

    def __init__(self, env, lib, cpu=0):
        super().__init__([env.tool('call'), lib, str(cpu)],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ready(self):
        if self.line(self.child.stdout, 10) != 'ready':
            raise Missing('the target does not start')

    def run(self, size, calls, rate=0, chunks=200, pause=0):
        self.child.stdin.write(f'{size} {calls} {chunks} {rate} {pause}\n'.encode())
        self.child.stdin.flush()
        text = self.line(self.child.stdout, 60)
        if not text:
            raise Missing('the target has died')
        median, best, cpu, made, moved, elapsed = text.split()
        return {'ns': float(median), 'best': float(best), 'cpu': float(cpu),
                'calls': int(made), 'bytes': int(moved), 'elapsed': int(elapsed)}


NGINX = '''
worker_processes 1;
worker_cpu_affinity {mask};
user root;
daemon off;
error_log {dir}/error.log;
pid {dir}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    keepalive_requests 1000000000;
    open_file_cache max=16;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_protocols TLSv1.3;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        root {root};
    }}
}}
'''


class Nginx(Program):
    """nginx with one worker on CPU 0 and its own copy of the libraries."""

    def __init__(self, env, root):
        self.dir = env.file('nginx')
        os.makedirs(self.dir, exist_ok=True)
        self.port, self.worker = env.free_port(), None
        with open(f'{self.dir}/nginx.conf', 'w') as f:
            f.write(NGINX.format(dir=self.dir, port=self.port, cert=env.cert, key=env.key,
                                 root=root, mask='01'))
        super().__init__([need('nginx'), '-p', self.dir, '-c', f'{self.dir}/nginx.conf',
                          '-e', f'{self.dir}/error.log'],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL,
                         env=dict(os.environ, LD_LIBRARY_PATH=env.libdir))

    def ready(self):
        until = time.monotonic() + 5
        while time.monotonic() < until and self.child.poll() is None:
            with open(f'/proc/{self.pid}/task/{self.pid}/children') as f:
                children = f.read().split()
            if children:
                self.worker = int(children[0])
                return
            time.sleep(0.02)
        raise Missing('nginx does not start')
