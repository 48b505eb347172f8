#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs that bring an OpenSSL or BoringSSL of their own, as package registries have them: found
# in the process without being told where. Their secrets are those that the server writes, as a
# set; what they read is what it sent. "make check-builds" does the same with many more.

load lib
load keylog

setup_file() { e2e_setup_file; }
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# client_of PROTOCOL COMMAND...: a server that speaks it, and a client with its library loaded, which
# connects twice when it is told to, once by TLS 1.2 and once by 1.3.
client_of() {
	local builds=$here/../builds
	start server python3 "$builds/server.py" "$E2E_CERT" "$E2E_KEY" "$D/own" "$1"
	PORT=$(expect server '^[0-9]')
	start client "${@:2}" "$PORT" "$E2E_CERT"
	expect client '^ready' 60
	CLIENT=${pid_of[client]}
}

python_client() { # BUILD PROGRAM [PROTOCOL]
	needs_build "$1"
	client_of "${3:-http}" env PYTHONPATH="$(cd "$(dirname "$BUILD")/.." && pwd)" \
		python3 "$here/../builds/clients/$2"
}

# netty's native library is unpacked to a temporary file and deleted once it is mapped.
netty_client() {
	command -v javac >/dev/null || skip "no javac (default-jdk-headless)"
	needs_build netty
	client_of http env CLASSPATH="${BUILD%/META-INF/*}/jars/*" \
		java "$here/../builds/clients/WithNetty.java"
	grep -q 'netty_tcnative.* (deleted)$' "/proc/$CLIENT/maps"
}

connects_with_known_keys() {
	capture tls -m keylog -k "$D/keys" --pid "$CLIENT"
	say client go
	finish client
	stop_capture
	same_keys 6
}

connects_and_reads() { # TEXT: it is in the answer to each of the two connections
	capture tls --pid "$CLIENT"
	say client go
	finish client
	stop_capture
	seen 2 "$1" pid="$CLIENT" direction=recv
}

@test "psycopg2-binary, OpenSSL without symbols beside the module: secrets" {
	python_client psycopg2 with_psycopg2.py postgres
	connects_with_known_keys
}

@test "psycopg2-binary: what it reads" {
	python_client psycopg2 with_psycopg2.py postgres
	connects_and_reads 'nothing to see'
}

@test "curl_cffi, BoringSSL inside the module: secrets" {
	python_client curl_cffi with_curl_cffi.py
	connects_with_known_keys
}

@test "curl_cffi: what it reads" {
	python_client curl_cffi with_curl_cffi.py
	connects_and_reads 'HTTP/1.1 200 OK'
}

@test "netty in Java, BoringSSL in a library that is deleted while mapped: secrets" {
	netty_client
	connects_with_known_keys
}

@test "netty in Java: what it reads" {
	netty_client
	connects_and_reads 'HTTP/1.1 200 OK'
}

# As a JVM does it, in a program that needs no JVM: the file is gone, and its name tells nothing.
@test "a library of another name that is deleted while mapped: secrets" {
	local lib=$D/native4711.tmp
	cp -L "$(ldconfig -p | awk '$1 == "libssl.so.3" { print $NF; exit }')" "$lib"
	serve
	start client python3 -c "import ctypes, os, sys
ssl = ctypes.CDLL('$lib')
os.unlink('$lib')
for name in ('TLS_client_method', 'SSL_CTX_new', 'SSL_new'):
    getattr(ssl, name).restype = ctypes.c_void_p
    getattr(ssl, name).argtypes = [ctypes.c_void_p] * (name != 'TLS_client_method')
LOG = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
log = LOG(lambda _, line: open('$D/own', 'ab').write(line + b'\n'))
context = ctypes.c_void_p(ssl.SSL_CTX_new(ssl.TLS_client_method()))
ssl.SSL_CTX_set_keylog_callback(context, log)
tls = ctypes.c_void_p(ssl.SSL_new(context))
import socket
sock = socket.create_connection(('127.0.0.1', $PORT))
ssl.SSL_set_fd(tls, sock.fileno())
print('ready', flush=True)
sys.stdin.readline()
assert ssl.SSL_connect(tls) == 1
assert ssl.SSL_write(tls, b'GET / HTTP/1.0\r\n\r\n', 18) == 18
assert ssl.SSL_read(tls, ctypes.create_string_buffer(100), 100) > 0"
	expect client '^ready'
	CLIENT=${pid_of[client]}
	capture tls -m keylog -k "$D/keys" --pid "$CLIENT"
	has_line "$LOG" 'native4711'
	say client go
	finish client
	stop_capture
	same_keys 5
}
