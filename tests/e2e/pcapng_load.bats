#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A capture of packets under load: nginx, and wrk as fast as it goes. What nginx has logged must be
# in the file, and tshark must decrypt it, from the file alone.

load lib

REQUESTS=12500 # of each kind

setup_file() {
	command -v wrk >/dev/null || skip "wrk is not installed"
	command -v tshark >/dev/null || skip "tshark is not installed"
	export BATS_TEST_TIMEOUT=400
	e2e_setup_file
}
setup() { e2e_setup; }
teardown() { e2e_teardown; }

# nginx with two workers, which answers each request with its own words.
serve() {
	PORT=$(free_port)
	mkdir "$D/nginx"
	cat >"$D/nginx.conf" <<-EOF
		worker_processes 2;
		user root;
		daemon off;
		pid $D/nginx/pid;
		events { worker_connections 1024; }
		http {
			log_format uri '\$request_uri';
			access_log $D/access.log uri;
			client_body_temp_path $D/nginx/b;
			proxy_temp_path $D/nginx/p;
			fastcgi_temp_path $D/nginx/f;
			uwsgi_temp_path $D/nginx/u;
			scgi_temp_path $D/nginx/s;
			keepalive_requests 1000000;
			server {
				listen 127.0.0.1:$PORT ssl;
				ssl_certificate $E2E_CERT;
				ssl_certificate_key $E2E_KEY;
				location / { return 200 'answer to \$request_uri'; }
			}
		}
	EOF
	start nginx nginx -p "$D" -c "$D/nginx.conf" -e "$D/nginx/error.log"
	wait_until 10 port_open "$PORT"
}

# Requests for /NAME-1, /NAME-2 and so on, until so many are answered.
cat_script() {
	cat <<-'EOF'
		local made, answered = 0, 0
		function init(words)
			name, limit = words[1], tonumber(words[2])
			headers = words[3] and { Connection = words[3] } or nil
		end
		function request()
			made = made + 1
			return wrk.format("GET", "/" .. name .. "-" .. made, headers)
		end
		function response()
			answered = answered + 1
			if answered == limit then
				io.stderr:write("answered\n")
				wrk.thread:stop()
			end
		end
	EOF
}

# fire NAME [CONNECTION]: wrk goes on sleeping when its thread has ended.
fire() {
	cat_script >"$D/fire.lua"
	start "$1" wrk -t1 -c16 -d200s -s "$D/fire.lua" "https://127.0.0.1:$PORT/" -- \
		"$ID-$1" $REQUESTS "${@:2}"
	wait_until 180 has_line "$D/$1.err" '^answered'
	end_process "$started" INT
}

# What tshark decrypts, from the file alone: the path of a request, or the words of an answer. Some
# numbers of the clients' ports are those of other protocols: so it is told which port has TLS.
decrypted() {
	tshark -r "$D/packets" -d "tcp.port==$PORT,tls" -Y 'http.request || http.response' \
		-T fields -e http.request.uri -e http.file_data 2>"$D/tshark.err" >"$D/decrypted"
	awk -F '\t' '$1 { print $1 }' "$D/decrypted" | sort >"$D/requests"
	awk -F '\t' '$2 { sub(/^answer to /, "", $2); print $2 }' "$D/decrypted" | sort >"$D/answers"
}

@test "25,000 requests over lasting and over short connections: each is there, and its answer" {
	serve
	capture tls -m pcapng -i lo -w "$D/packets" tcp port "$PORT"
	fire lasting
	fire short close
	stop_capture
	grep "^/$ID" "$D/access.log" | sort >"$D/expected"
	[ "$(wc -l <"$D/expected")" -ge $((2 * REQUESTS)) ]
	has_line "$LOG" " 0 packets lost"
	decrypted
	same "requests that are missing" 0 "$(comm -23 "$D/expected" "$D/requests" | wc -l)"
	same "answers that are missing" 0 "$(comm -23 "$D/expected" "$D/answers" | wc -l)"
	same "requests that are there twice" "" "$(uniq -d "$D/requests")"
	same "answers that are there twice" "" "$(uniq -d "$D/answers")"
}
