#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What people run: curl, python3, nginx, openssl and node, as clients and as servers. Each message
# is seen once where it is sent and once where it is received, and nowhere else.

load lib

setup_file() {
	e2e_setup_file talk
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# nginx NAME WORKERS SERVER_BLOCK: a private one, in the foreground.
start_nginx() {
	local dir=$D/$1
	mkdir -p "$dir"
	cat >"$dir/nginx.conf" <<-END
		user root;
		worker_processes $2;
		pid $dir/pid;
		error_log $dir/error.log;
		events { worker_connections 256; }
		http {
			access_log off;
			client_body_temp_path $dir; proxy_temp_path $dir; fastcgi_temp_path $dir;
			uwsgi_temp_path $dir; scgi_temp_path $dir;
			ssl_certificate $E2E_CERT;
			ssl_certificate_key $E2E_KEY;
			server { $3 }
		}
	END
	start "$1" nginx -p "$dir" -c "$dir/nginx.conf" -g 'daemon off;'
}

# curl NAME URL [OPTION...]: prints the answer; its process id is $curl_pid.
run_curl() {
	curl --silent --show-error --fail --cacert "$E2E_CERT" --max-time 10 -H 'Host: e2e.test' \
		"$@" >"$D/curl.out" 3>&- 4>&- &
	curl_pid=$!
	wait "$curl_pid"
}

curl_and_python() {
	start server /usr/bin/python3 "$here/programs/https.py" serve
	local port server
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls
	run_curl --http1.1 "https://127.0.0.1:$port/$(marker path)" -H "X-Test: $(marker header)"
	stop_capture
	server=${pid_of[server]}
	moved "$curl_pid" "$server" "GET /$(marker path) HTTP/1.1"
	moved "$curl_pid" "$server" "X-Test: $(marker header)"
	moved "$server" "$curl_pid" "re:/$(marker path)"
	same "answer" "re:/$(marker path)" "$(cat "$D/curl.out")"
}

@test "curl HTTP/1.1 and a python3 server" {
	both_ways curl_and_python
}

curl_and_nginx_h2() {
	local port worker
	port=$(free_port)
	start_nginx server 1 "listen 127.0.0.1:$port ssl http2; location / { return 200 $(marker body); }"
	wait_until 10 port_open "$port"
	capture tls
	run_curl --http2 "https://127.0.0.1:$port/" -w '\n%{http_version}'
	stop_capture
	same "answer" "$(marker body)"$'\n2' "$(cat "$D/curl.out")"
	worker=$(field pid "$(stream "dst=127.0.0.1:$port" direction=recv)")
	moved "$worker" "$curl_pid" "$(marker body)"
	seen 1 "PRI * HTTP/2.0" pid="$curl_pid" direction=send
	seen 1 "PRI * HTTP/2.0" pid="$worker" direction=recv
}

@test "curl HTTP/2 and nginx" {
	both_ways curl_and_nginx_h2 canonical-h2
}

nginx_with_workers() {
	local port i
	port=$(free_port)
	start_nginx server 2 "listen 127.0.0.1:$port ssl; location / { return 200 \"re:\$uri\"; }"
	wait_until 10 port_open "$port"
	capture tls
	for i in 1 2 3 4; do
		run_curl --http1.1 "https://127.0.0.1:$port/$(marker "$i")"
		seen_by[i]=$curl_pid
	done
	stop_capture
	for i in 1 2 3 4; do
		seen 1 "GET /$(marker "$i") " pid="${seen_by[i]}" direction=send
		seen 1 "GET /$(marker "$i") " comm=nginx direction=recv
		seen 1 "re:/$(marker "$i")" comm=nginx direction=send
		seen 1 "re:/$(marker "$i")" pid="${seen_by[i]}" direction=recv
		seen 4 "$(marker "$i")"
	done
}

@test "curl keeps asking an nginx with two workers" {
	local seen_by=()
	both_ways nginx_with_workers
}

nginx_as_proxy() {
	local front back worker_front worker_back
	front=$(free_port)
	back=$(free_port)
	start_nginx back 1 "listen 127.0.0.1:$back ssl; location / { return 200 \"re:\$uri\"; }"
	start_nginx front 1 "listen 127.0.0.1:$front ssl;
		location / { proxy_pass https://127.0.0.1:$back; proxy_set_header Host e2e.test; }"
	wait_until 10 port_open "$front"
	wait_until 10 port_open "$back"
	capture tls
	run_curl --http1.1 "https://127.0.0.1:$front/$(marker path)"
	stop_capture
	same "answer" "re:/$(marker path)" "$(cat "$D/curl.out")"
	worker_front=$(field pid "$(stream "dst=127.0.0.1:$front" direction=recv "text=$ID")")
	worker_back=$(field pid "$(stream "dst=127.0.0.1:$back" direction=recv "text=$ID")")
	seen 1 "GET /$(marker path) " pid="$curl_pid" direction=send
	seen 1 "GET /$(marker path) " pid="$worker_front" direction=recv
	seen 1 "GET /$(marker path) " pid="$worker_front" direction=send
	seen 1 "GET /$(marker path) " pid="$worker_back" direction=recv
	seen 1 "re:/$(marker path)" pid="$worker_back" direction=send
	seen 1 "re:/$(marker path)" pid="$worker_front" direction=recv
	seen 1 "re:/$(marker path)" pid="$worker_front" direction=send
	seen 1 "re:/$(marker path)" pid="$curl_pid" direction=recv
	seen 8 "$(marker path)"
}

@test "nginx as a server and as client of another nginx" {
	both_ways nginx_as_proxy
}

python_pair() {
	start server /usr/bin/python3 "$here/programs/https.py" serve
	local port i
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls
	start client /usr/bin/python3 "$here/programs/https.py" get "$port" \
		"/$(marker one)" "/$(marker two)" "/$(marker three)"
	finish client
	stop_capture
	for i in one two three; do
		moved "${pid_of[client]}" "${pid_of[server]}" "GET /$(marker $i) "
		moved "${pid_of[server]}" "${pid_of[client]}" "re:/$(marker $i)"
	done
}

@test "python3 as client and server" {
	both_ways python_pair
}

asyncio_pair() {
	start server /usr/bin/python3 "$here/programs/streams.py" serve
	local port i who
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls
	start client /usr/bin/python3 "$here/programs/streams.py" ask "$port" \
		"$(marker a)." "$(marker b)." "$(marker c)."
	finish client
	stop_capture
	for i in a b c; do
		seen 1 "$(marker $i)." pid="${pid_of[client]}" direction=send
		seen 1 "re:$(marker $i)." pid="${pid_of[server]}" direction=send
		seen 1 "re:$(marker $i)." pid="${pid_of[client]}" direction=recv
		seen 2 "re:$(marker $i)."
		seen 4 "$(marker $i)."
	done
	for who in client server; do # a memory BIO has no descriptor and no address
		events streams pid="${pid_of[$who]}" >"$D/$who.streams"
		same "streams of the $who" 6 "$(wc -l <"$D/$who.streams")"
		same "streams of the $who without an address" 6 \
			"$(grep -c 'fd=None src=None dst=None' "$D/$who.streams")"
	done
}

@test "python3 asyncio: memory BIOs" {
	both_ways asyncio_pair
}

openssl_tools() {
	local port
	port=$(free_port)
	start server openssl s_server -accept "127.0.0.1:$port" -cert "$E2E_CERT" -key "$E2E_KEY" -quiet
	wait_until 10 port_open "$port"
	capture tls
	start client openssl s_client -connect "127.0.0.1:$port" -CAfile "$E2E_CERT" -quiet
	say client "$(marker there)"
	expect server "$(marker there)"
	say server "$(marker back)"
	expect client "$(marker back)"
	stop_capture
	moved "${pid_of[client]}" "${pid_of[server]}" "$(marker there)"
	moved "${pid_of[server]}" "${pid_of[client]}" "$(marker back)"
}

@test "openssl s_client and s_server, both ways" {
	both_ways openssl_tools
}

@test "openssl s_server -www and -WWW: I/O through BIOs" {
	needs_method_sites
	local port port2
	mkdir "$D/files"
	marker file >"$D/files/page"
	port=$(free_port)
	start www openssl s_server -accept "127.0.0.1:$port" -cert "$E2E_CERT" -key "$E2E_KEY" -www
	wait_until 10 port_open "$port"
	port2=$(free_port)
	cd "$D/files"
	start files openssl s_server -accept "127.0.0.1:$port2" -cert "$E2E_CERT" -key "$E2E_KEY" -WWW
	wait_until 10 port_open "$port2"
	capture tls
	run_curl "https://127.0.0.1:$port/$(marker www)"
	local first=$curl_pid
	run_curl "https://127.0.0.1:$port2/page" -H "X-Test: $(marker header)"
	same "answer" "$(marker file)" "$(cat "$D/curl.out")"
	stop_capture
	moved "$first" "${pid_of[www]}" "$(marker www)"
	seen 1 "<HTML>" pid="${pid_of[www]}" direction=send
	seen 1 "<HTML>" pid="$first" direction=recv
	moved "$curl_pid" "${pid_of[files]}" "X-Test: $(marker header)"
	moved "${pid_of[files]}" "$curl_pid" "$(marker file)"
}

node_pair() {
	start server "$NODE" "$here/programs/https.js" serve
	local port i client server
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls
	start client "$NODE" "$here/programs/https.js" get "$port" "/$(marker one)" "/$(marker two)"
	finish client
	stop_capture
	client=${pid_of[client]} server=${pid_of[server]}
	for i in one two; do
		moved "$client" "$server" "GET /$(marker $i) "
		moved "$server" "$client" "re:/$(marker $i)"
	done
}

@test "node as client and server" {
	needs_node
	both_ways node_pair
}

named_node() {
	start server "$NODE" "$here/programs/https.js" serve
	local port
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls --libssl "$NODE"
	start client "$NODE" "$here/programs/https.js" get "$port" "/$(marker one)"
	run_curl "https://127.0.0.1:$port/$(marker curl)"
	finish client
	stop_capture
	moved "${pid_of[client]}" "${pid_of[server]}" "GET /$(marker one) "
	moved "${pid_of[server]}" "${pid_of[client]}" "re:/$(marker one)"
	seen 1 "GET /$(marker curl) " pid="${pid_of[server]}"
	seen 0 "$(marker curl)" pid="$curl_pid"
}

@test "node named by --libssl, and that file only" {
	needs_node
	both_ways named_node
}

# Whether the loop's message N was sent and its answer received by this process.
loop_seen() { # PID N
	[ "$(events count "$ID-n$2-z" pid="$1" direction=send 2>/dev/null)" = 1 ]
}

@test "a node that starts later, from a file that nobody had mapped" {
	needs_node
	local port first last n
	cp "$NODE" "$D/node"
	cleanups+=("rm -f $D/node")
	start server /usr/bin/python3 "$here/programs/https.py" serve
	port=$(field listening "$(expect server listening | tr ' ' =)")
	capture tls
	start client "$D/node" "$here/programs/https.js" loop "$port" "$ID"
	expect client "done 0" 20
	# The probes come a moment after the first mapping: messages before that are not seen.
	first=
	for n in $(seq 0 20 400); do
		expect client "done $n" 20
		wait_until 1 grep -q -e "\"pid\":${pid_of[client]},.*\"send\"" "$EVENTS" >/dev/null || continue
		first=$((n + 1))
		break
	done
	[ -n "$first" ] || { echo "never seen"; return 1; }
	expect client "done $((first + 30))" 20
	kill "${pid_of[client]}"
	stop_capture
	for n in $(seq $first 10 $((first + 30))); do
		moved "${pid_of[client]}" "${pid_of[server]}" "GET /$ID-n$n-z "
		moved "${pid_of[server]}" "${pid_of[client]}" "re:/$ID-n$n-z"
	done
}
