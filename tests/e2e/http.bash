# SPDX-License-Identifier: Apache-2.0
# What the tests with tshark as the judge share: nginx, programs that make requests of it with bodies
# that are known ($D/made), and the comparison with what tshark found. Needs keylog.bash, and
# "judge OPTION...": tshark on what was captured.

# nginx with all versions of TLS that this OpenSSL has.
start_nginx() {
	PORT=$(free_port)
	mkdir "$D/nginx"
	cat >"$D/nginx/nginx.conf" <<-END
		user root;
		worker_processes 2;
		pid $D/nginx/pid;
		error_log $D/nginx/error.log;
		events { worker_connections 256; }
		http {
			access_log off;
			client_max_body_size 1m;
			client_body_temp_path $D/nginx; proxy_temp_path $D/nginx;
			fastcgi_temp_path $D/nginx; uwsgi_temp_path $D/nginx; scgi_temp_path $D/nginx;
			ssl_certificate $E2E_CERT;
			ssl_certificate_key $E2E_KEY;
			ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
			ssl_ciphers ALL:@SECLEVEL=0;
			ssl_session_cache shared:tests:1m;
			ssl_early_data on;
			server { listen 127.0.0.1:$PORT ssl http2; return 200 "re:\$uri"; }
		}
	END
	start nginx nginx -p "$D/nginx" -c "$D/nginx/nginx.conf" -g 'daemon off;'
	wait_until 10 port_open "$PORT"
}

# body NAME [BYTES]: a file of text that nobody else sends, and the line that tshark is to show of it.
body() {
	head -c "${2:-$((RANDOM + 100))}" /dev/urandom | base64 -w 0 >"$D/$1.body"
	printf '/%s\t%s\n' "$(marker "$1")" "$(sha256sum <"$D/$1.body" | cut -c-64)" >>"$D/made"
}

post_by_curl() { # NAME OPTION...
	body "$1"
	curl -sk -o /dev/null --data-binary "@$D/$1.body" -H Expect: "${@:2}" \
		"https://127.0.0.1:$PORT/$(marker "$1")"
}

# A request as it goes over the connection, in the file NAME.
request() { # NAME [BYTES]
	body "$@"
	{
		printf 'POST /%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n' \
			"$(marker "$1")" "$(stat -c %s "$D/$1.body")"
		cat "$D/$1.body"
	} >"$D/$1"
}

# Of curl, python3, node, BoringSSL and s_client.
requests_of_programs() {
	local version
	for version in 1.0 1.1 1.2 1.3; do
		post_by_curl "curl-$version" --http1.1 --tlsv$version --tls-max $version \
			--ciphers DEFAULT:@SECLEVEL=0
	done
	body python
	python3 -c "import http.client, ssl, sys
c = http.client.HTTPSConnection('127.0.0.1', $PORT, context=ssl._create_unverified_context())
c.request('POST', '/$(marker python)', open('$D/python.body', 'rb').read())
assert c.getresponse().status == 200"
	NODE=${NODE:-$(command -v node || true)}
	[ -z "$NODE" ] || post_by_node
	if command -v bssl-tool >/dev/null; then
		request bssl
		(cat "$D/bssl"; sleep 0.5) | timeout 10 bssl-tool client -connect "127.0.0.1:$PORT" \
			>"$D/bssl.out" 2>&1
	fi
	two_requests_and_a_key_update
}

post_by_node() {
	body node
	"$NODE" -e "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
const r = require('https').request('https://127.0.0.1:$PORT/$(marker node)', { method: 'POST' },
	(answer) => answer.resume())
r.end(require('fs').readFileSync('$D/node.body'))" 2>"$D/node.err"
}

# Short ones: s_client takes what it reads at once for a command when it begins with a letter of one.
two_requests_and_a_key_update() {
	request first 1000
	request second 1000
	(
		cat "$D/first"
		sleep 0.3
		echo K
		sleep 0.3
		cat "$D/second"
		sleep 0.3
	) | client -tls1_3
	has_line "$D/client.out" KEYUPDATE
}

# found PATH_FIELD BODY_FIELD FILTER: each request with its body's SHA-256.
found() {
	local path text
	judge -d "tcp.port==$PORT,tls" -Y "$3" -T fields -e "$1" -e "$2" |
		while IFS=$'\t' read -r path text; do
			printf '%s\t%s\n' "$path" "$(printf %s "$text" | sha256sum | cut -c-64)"
		done | sort >"$D/shown"
	sort "$D/made" | diff -u - "$D/shown"
}
