#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ecapture modules list, inspect and check: on the modules that we ship, and on modules with one
# fault each, built here. Of a module that is only looked at, no code runs: those whose
# constructor would leave a trace show it.

load lib

setup_file() {
	e2e_setup_file
	make_modules_dir
}
teardown_file() { remove_modules_dir; }

setup() {
	e2e_setup
	M=$MODULES_DIR/$BATS_TEST_NUMBER
	mkdir "$M"
	MARK=$D/mark
}
teardown() { e2e_teardown; }

# module FILE SOURCE [FLAG...]: builds a module from tests/unit/modules or programs/faulty.c.
module() {
	local source=$here/../unit/modules/$2.c
	[ "$2" != faulty ] || source=$here/programs/faulty.c
	cc -std=gnu11 -D_GNU_SOURCE -fPIC -shared -fvisibility=hidden -I"$here/../../sdk" \
		-Wa,-I,"$MODULES_DIR" "$source" -o "$M/$1" "${@:3}"
}

# modules CODE COMMAND...: output in $D/out, the log in $D/err; it must end with that exit code.
modules() {
	local status=0
	"$ECAPTURE" ${PLUGIN_DIRS:---plugin-dir "$M"} modules "${@:2}" >"$D/out" 2>"$D/err" || status=$?
	[ $status = "$1" ] || { echo "exit code $status, not $1: ${*:2}"; cat "$D/out" "$D/err"; return 1; }
}

says() { # TEXT...: each is in the output
	local text
	for text; do
		grep -q -F -e "$text" "$D/out" || { echo "does not say \"$text\":"; cat "$D/out"; return 1; }
	done
}

logged() { # TEXT
	grep -q -F -e "$1" "$D/err" || { echo "did not log \"$1\":"; cat "$D/err"; return 1; }
}

# json EXPRESSION: a Python expression on the output, j, must be true.
json() {
	/usr/bin/python3 - "$D/out" "$1" <<-'END'
		import json, os, sys
		with open(sys.argv[1], encoding='ascii') as file:
		    j = json.load(file)
		checks = {c['check']: c for c in j['checks']} if isinstance(j, dict) and 'checks' in j else {}
		if not eval(sys.argv[2]):
		    sys.exit(f'not so: {sys.argv[2]}: {json.dumps(j, indent=1)}')
	END
}

# refused TEXT [FILE]: check says no to it, with that text, in both of its forms.
refused() {
	local file=${2:-$M/x.so}
	modules 1 check "$file"
	says "  no " "$1" "Refused: "
	modules 1 check "$file" -o json
	/usr/bin/python3 - "$D/out" "$1" <<-'END'
		import json, sys
		with open(sys.argv[1]) as file:
		    j = json.load(file)
		reasons = [c['reason'] for c in j['checks'] if c['answer'] == 'no']
		if j['result'] != 'refused' or not any(sys.argv[2] in r for r in reasons):
		    sys.exit(f'{sys.argv[2]!r} is not among the reasons: {reasons}')
	END
}

no_trace() {
	[ ! -e "$MARK" ] || { echo "code of the module ran"; return 1; }
}

# ---- list ----

@test "list: the modules that we ship, in columns" {
	PLUGIN_DIRS="--plugin-dir $ECAPTURE_PLUGIN_DIR" modules 0 list
	grep -q -E "^tls +openssl +[0-9.]+ +1\.[0-9]+ +1\.[0-9]+ +Apache-2.0 +usable +$ECAPTURE_PLUGIN_DIR +openssl.so$" "$D/out"
	PLUGIN_DIRS="--plugin-dir $ECAPTURE_PLUGIN_DIR" modules 0 list -o json
	json 'all(m["state"] == "usable" for m in j)'
	json '{m["command"] for m in j} >= {"tls", "bash"}'
	json 'all(m["file"].startswith(m["directory"]) and m["abi"] and m["license"] for m in j)'
}

@test "list: refused and shadowed modules, each with its reason" {
	mkdir "$M/one" "$M/two"
	module one/used.so faulty -DNAME='"same"' -DTEXT='"Other-Licence"'
	module two/hidden.so faulty -DNAME='"same"' -DVERSION='"9.0"'
	module two/open.so faulty -DNAME='"open"'
	module two/later.so later -DTARGET=99 -DMINOR=99
	chmod 775 "$M/two/open.so"
	echo text >"$M/two/text.so"
	PLUGIN_DIRS="--plugin-dir $M/one --plugin-dir $M/two" modules 0 list
	says "two modules are named \"same\": $M/one/used.so (used) and $M/two/hidden.so" \
		"$M/two/open.so: refused: writable by group (mode 0775), and it would act as root; chmod g-w it" \
		"$M/two/text.so: not an ELF file" "later 2.0.0 needs SDK ABI 1.99"
	grep -q -E "^same +same +9.0 .* shadowed +$M/two +hidden.so$" "$D/out"
	grep -q -E "^open +open +0.3.1 .* refused +$M/two +open.so$" "$D/out"
	grep -q -E "^later +later +2.0.0 +1.99 +1.99 +- +refused +$M/two +later.so$" "$D/out"
	grep -q -E "^- +- +- +- +- +- +refused +$M/two +text.so$" "$D/out"
	PLUGIN_DIRS="--plugin-dir $M/one --plugin-dir $M/two" modules 0 list --json
	json '[m["state"] for m in j] == ["usable", "shadowed", "refused", "refused", "refused"]'
	json 'j[2]["abi_needed"] == "1.99" and j[1]["version"] == "9.0"'
}

@test "the module that hides another is named when it is used" {
	local status=0
	mkdir "$M/one" "$M/two"
	module one/used.so faulty -DNAME='"same"' '-DLOAD=return ecap_fail(context,-5,"as far as that")'
	module two/hidden.so faulty -DNAME='"same"'
	"$ECAPTURE" --plugin-dir "$M/one" --plugin-dir "$M/two" same >"$D/out" 2>"$D/err" || status=$?
	same "exit code" 1 $status
	logged "two modules are named \"same\": $M/one/used.so (used) and $M/two/hidden.so"
	logged 'as far as that'
}

@test "list: columns grow with what is in them" {
	module a.so faulty -DNAME='"a"'
	module b.so faulty -DNAME='"a-name-of-twenty-nine-letters"' -DVERSION='"1.2.3-with-more-behind-it"'
	modules 0 list
	/usr/bin/python3 - "$D/out" <<-'END'
		import sys
		lines = open(sys.argv[1]).read().splitlines()
		for heading in ('MODULE', 'VERSION', 'ABI', 'NEEDS', 'STATE', 'DIRECTORY', 'FILE'):
		    at = lines[0].index(heading)
		    assert all(l[at - 1] == ' ' and l[at] != ' ' for l in lines), (heading, lines)
	END
}

@test "list: a module with the name of a command is refused" {
	module a.so faulty -DNAME='"modules"'
	module b.so faulty -DNAME='"b"' -DCOMMAND='"help"'
	modules 0 list
	says 'refused: "modules" is a command of ecapture itself' 'refused: "help" is a command of ecapture itself'
	refused '"help" is a command of ecapture itself, and the module could not be reached by it; give the module another word' "$M/b.so"
}

@test "list: where modules are looked for" {
	mkdir "$M/one" "$M/two"
	module one/a.so faulty -DNAME='"a"'
	module two/b.so faulty -DNAME='"b"'
	printf '[global]\nplugin-dir = %s\n' "$M/two" >"$M/file.ini"
	PLUGIN_DIRS="--config $M/file.ini" modules 0 list -o json
	json '[(m["directory"], m["name"]) for m in j] == [("'"$M"'/two", "b")]'
	export ECAPTURE_MODULE_PATH=$M/one::$M/two
	PLUGIN_DIRS=--debug modules 0 list -o json
	json '[m["name"] for m in j] == ["a", "b"]'
	ECAPTURE_MODULE_PATH=$M/one PLUGIN_DIRS="--config $M/file.ini" modules 0 list -o json
	json '[m["name"] for m in j] == ["a"]'
	PLUGIN_DIRS="--plugin-dir $M/two" modules 0 list -o json
	json '[m["name"] for m in j] == ["b"]'
	ECAPTURE_MODULE_PATH=$M/three PLUGIN_DIRS=--debug modules 1 list
	logged "plugin directory $M/three: No such file or directory"
}

@test "list: no modules" {
	modules 0 list
	says "no module file in $M"
	modules 0 list -o json
	json 'j == []'
}

# ---- inspect ----

@test "inspect: the BPF objects are those in the file" {
	local so line name size offset sum n=0
	for so in "$ECAPTURE_PLUGIN_DIR"/*.so; do
		modules 0 inspect "$so" --json
		/usr/bin/python3 - "$D/out" >"$D/objects" <<-'END'
			import json, sys
			for b in json.load(open(sys.argv[1]))['bpf']:
			    print(b['name'], b['offset'], b['size'], b['sha256'])
		END
		modules 0 inspect "$so"
		while read -r name offset size sum; do
			tail -c "+$((offset + 1))" "$so" | head -c "$size" >"$D/object.o"
			same sha256 "$(sha256sum <"$D/object.o" | cut -d ' ' -f 1)" "$sum"
			says "$sum"
			# The object as it was built, where that is at hand.
			[ -z "${builddir:-}" ] || cmp "$builddir/bpf/$name.o" "$D/object.o"
			n=$((n + 1))
		done <"$D/objects"
	done
	[ $n -ge 4 ]
}

@test "inspect: all that a descriptor can say" {
	module x.so full
	modules 0 inspect "$M/x.so"
	says 'full-alias' '1.2.3' 'built with 1.' 'Apache-2.0' 'somebody' 'https://example.org/full' \
		'libfull.so' 'ecap.elf/1, ecap.targets/1' 'a module with everything' '  First line.' \
		'ecapture fill --on' 'reconfigure' '64K' '1 to 1M' 'text|pcap|keylog' 'Sizes' '-B' 'mode' \
		'runtime' 'must-exist' 'secret' 'hidden' 'bytes to keep' 'A paragraph about the file.' \
		'core' 'noncore' 'ring buffers'
	[[ $(grep -c lost "$D/out") = 0 ]]
	modules 0 inspect "$M/x.so" -o json
	json '(j["name"], j["command"], j["aliases"]) == ("full", "fill", ["openfull", "full-alias"])'
	json 'j["usable"] and j["faults"] == [] and j["services"] == ["ecap.elf/1", "ecap.targets/1"]'
	json 'j["operations"] == ["init", "load", "maps", "start", "stop", "close", "decode", "dispatch", "reconfigure", "survey"]'
	json 'j["description"] == "First line.\n\n\tThird line."'
	json '[o["name"] for o in j["options"]][:3] == ["bytes", "model", "wait"] and len(j["options"]) == 11'
	json 'j["options"][0] == dict(j["options"][0], short="B", type="size", default="64K", min=1, max=1 << 20, group="Sizes")'
	json 'j["options"][1]["choices"] == ["text", "pcap", "keylog"] and j["options"][1]["alias"] == "mode"'
	json 'j["options"][4]["doc"].startswith("A paragraph") and j["options"][4]["flags"] == ["must-exist"]'
	json '[b["variant"] for b in j["bpf"]] == ["core", "noncore"] and j["bpf"][0]["size"] == 64'
}

@test "inspect: by name, alias and beginning, as ecapture itself" {
	module x.so full
	for word in full fill full-alias open; do
		modules 0 inspect "$word"
		says "$M/x.so"
	done
	modules 1 inspect nothing
	logged 'no module "nothing"'
	modules 2 inspect
	logged 'wants FILE|NAME'
}

@test "inspect: a file where anybody could write, with the reason" {
	module x.so full
	cp "$M/x.so" "$D/y.so"
	chmod 777 "$D/y.so"
	modules 0 inspect "$D/y.so"
	says 'a module with everything' 'Not usable:' 'refused: writable by others (mode 0777)'
	modules 0 inspect "$D/y.so" -o json
	json 'not j["usable"] and j["name"] == "full" and len(j["options"]) == 11'
	json '"owner" in [f["check"] for f in j["faults"]]'
}

@test "inspect: a module that needs a later ABI" {
	module x.so later -DTARGET=99 -DMINOR=100 '-DNEW_MODULE=(void*)options' -DNEW_OPTION=1
	modules 0 inspect "$M/x.so"
	says later 2.0.0 'built with 1.100, needs 1.99' --second 'a module of a later minor' \
		'later 2.0.0 needs SDK ABI 1.99, this ecapture offers 1.'
	modules 0 inspect "$M/x.so" -o json
	json '(j["abi"], j["abi_needed"]) == ("1.100", "1.99") and len(j["options"]) == 2'
	json '[f["check"] for f in j["faults"]] == ["abi"]'
}

@test "inspect: a module of a later minor that runs here" {
	module x.so later -DMINOR=100 -DTARGET=0
	modules 0 inspect "$M/x.so" -o json
	json 'j["usable"] and (j["abi"], j["abi_needed"]) == ("1.100", "1.0")'
}

@test "inspect: what is no module" {
	module x.so library
	modules 1 inspect "$M/x.so"
	logged "$M/x.so: not an ecapture module: no symbol ecapture_module_1"
	modules 1 inspect "$M/not-there.so"
	logged "$M/not-there.so: cannot open it: No such file"
	modules 1 inspect "$here/lib.bash"
	logged 'not an ELF file'
}

# Escape sequences, C0 and C1 controls, characters that turn the direction, bytes of no character.
@test "texts of a hostile module do not act on the terminal" {
	local hostile='"\033]0;owned\007\033[2J\r\b\177 \xc2\x9b[2J \xe2\x80\xae \xff\xfe end"' command
	module x.so faulty "-DTEXT=$hostile" "-DVERSION=$hostile"
	module y.so faulty "-DTEXT=$hostile" "-DNAME=$hostile" -DCOMMAND='"c"' "-DSERVICE=$hostile" "-DDEFAULT=$hostile"
	for command in 'list' 'list -o json' "inspect $M/x.so" "inspect $M/x.so -o json" "inspect $M/y.so" \
		"inspect $M/y.so -o json"; do
		# shellcheck disable=SC2086
		modules 0 $command
		harmless "$command"
		says end
	done
	for command in "check $M/x.so" "check $M/y.so" "check $M/y.so -o json" 'schema y.so' "man $M/y.so"; do
		# shellcheck disable=SC2086
		"$ECAPTURE" --plugin-dir "$M" modules $command >"$D/out" 2>"$D/err" || true
		harmless "$command"
	done
	refused 'one of its texts has control characters or is not UTF-8' "$M/x.so"
}

harmless() {
	/usr/bin/python3 - "$1" "$D/out" "$D/err" <<-'END'
		import sys, unicodedata
		for path in sys.argv[2:]:
		    text = open(path, 'rb').read().decode()  # UTF-8, or it ends here
		    bad = [c for c in text if c not in '\n\t' and unicodedata.category(c) in ('Cc', 'Cf')]
		    assert not bad, (sys.argv[1], path, bad)
	END
}

# ---- check ----

@test "check: the modules that we ship pass on this machine" {
	local so
	for so in "$ECAPTURE_PLUGIN_DIR"/*.so; do
		modules 0 check "$so"
		says 'Nothing is wrong with it' 'would be used'
		[ "$(grep -c -E '^  (no|not checked) ' "$D/out")" = 0 ]
		modules 0 check "$so" -o json
		json 'j["result"] == "good" and j["failed"] == j["not_checked"] == 0'
		json 'all(c["answer"] == "yes" and c["reason"] is None for c in j["checks"])'
		json 'sum(b["used"] for b in j["bpf"]) == 1 and all(s["offered"] for s in j["services"])'
		json 'all(f["kernel"] == "yes" for b in j["bpf"] if b["used"] for f in b["needs"])'
	done
}

@test "check: the order of the checks" {
	module x.so faulty
	modules 0 check "$M/x.so" -o json
	json '[c["check"] for c in j["checks"]] == ["file", "owner", "directories", "elf", "stack", "code", "libraries", "symbol", "descriptor", "strings", "abi", "names", "operations", "options", "bpf", "texts", "later", "words", "services", "features"]'
}

@test "check: who could change it" {
	module x.so faulty
	chmod 775 "$M/x.so"
	refused 'refused: writable by group (mode 0775), and it would act as root; chmod g-w it'
	chmod 755 "$M/x.so"
	chown 1000 "$M/x.so"
	refused 'refused: belongs to uid 1000, and it would act as root; chown it'
	chown 0 "$M/x.so"
	chown 1000 "$M"
	refused "refused: directory $M belongs to uid 1000; move the file or chown the directory"
	chown 0 "$M"
	chmod 1777 "$M"
	refused "refused: directory $M is writable by others (mode 1777); move the file"
	chmod 755 "$M"
	modules 0 check "$M/x.so"
}

@test "check: what kind of file" {
	mkfifo "$M/x.so"
	refused 'refused: not a regular file'
	rm "$M/x.so"
	echo text >"$M/x.so"
	refused 'not an ELF file'
	module x.so faulty
	printf '\267' | dd of="$M/x.so" bs=1 seek=18 conv=notrunc 2>/dev/null # e_machine: EM_AARCH64
	[ "$(uname -m)" != x86_64 ] || refused 'for aarch64 (ELF machine 183), this ecapture is x86-64'
	module x.so small -DTEXTREL -Wl,-z,notext
	refused 'refused: has relocations in its code; build it with -fPIC'
	module x.so faulty -Wl,-z,execstack
	refused 'refused: asks for an executable stack; link it with -z noexecstack'
	module x.so faulty -Wl,-rpath,lib
	refused 'refused: looks for libraries in "lib", which depends on the working directory'
	module x.so library
	refused 'not an ecapture module: no symbol ecapture_module_1'
}

@test "check: versions" {
	module x.so later -DMAJOR=2
	refused 'built for SDK ABI 2, this ecapture speaks ABI 1; upgrade ecapture, or rebuild it'
	module x.so later -DTARGET=99 -DMINOR=99
	refused 'later 2.0.0 needs SDK ABI 1.99, this ecapture offers 1.'
	refused 'upgrade ecapture, or rebuild it with -DECAP_ABI_TARGET='
	module x.so later -DMINOR=99 -DNEW_OPS=step
	refused 'its table of operations uses members of a later SDK'
}

@test "check: the descriptor" {
	module x.so faulty -DNAME='"Foo"'
	refused 'name "Foo" is not a letter a-z'
	module x.so faulty -DNO_START
	refused 'has no operation start, which is required'
	module x.so faulty -DDEFAULT='"txt"'
	refused 'option --model: default "txt" is not one of text|pcap|keylog'
	module x.so faulty -DFLAGS=0x10000
	refused 'option --file: flags 0x10000 are not known; upgrade ecapture'
	module x.so faulty '-DTEXT="\xff"'
	refused 'one of its texts has control characters or is not UTF-8'
}

@test "check: words of other modules" {
	module a.so faulty -DNAME='"first"' -DCOMMAND='"word"'
	module x.so faulty -DNAME='"second"' -DCOMMAND='"word"'
	refused "refused: \"word\" already stands for module first of $M/a.so; remove one of the files"
	# One of the same name hides the other: that is no fault of either.
	mkdir "$M/two"
	module two/x.so faulty -DNAME='"first"'
	modules 0 check "$M/two/x.so"
	says "Two modules are named \"first\": $M/a.so (used) and $M/two/x.so"
}

@test "check: services and features of this machine" {
	module x.so faulty -DSERVICE='"ecap.elf/9"'
	refused 'needs service ecap.elf/9, this ecapture has ecap.elf/1; upgrade the older of the two'
	says '"offered": false'
	module x.so faulty -DSERVICE='"ecap.nothing/1"'
	refused 'needs service ecap.nothing/1, which this ecapture does not have; upgrade ecapture'
	# No kernel has what nobody has thought of yet.
	module x.so faulty '-DFEATURES=(UINT64_C(1)<<60)' -DTEXT='"the object"'
	refused 'no BPF object of module faulty fits this kernel: the object needs feature 60'
	json 'j["bpf"][0]["needs"] == [{"feature": "feature 60", "kernel": "no", "reason": "not known; upgrade ecapture"}]'
	json 'not j["bpf"][0]["used"] and j["bpf"][0]["reason"] == "needs what this kernel does not have"'
	modules 0 check bash --btf 2 --plugin-dir "$ECAPTURE_PLUGIN_DIR"
	says 'is for --btf 1' 'bash.noncore (noncore): would be used'
}

@test "check: all faults at once" {
	module x.so faulty -Wl,-z,execstack -Wl,-rpath,lib -DNAME='"X"' -DNO_START -DDEFAULT='"txt"' \
		-DSERVICE='"ecap.no/1"' '-DTEXT="\001"'
	chmod 777 "$M/x.so"
	modules 1 check "$M/x.so" -o json
	json '[c for c in checks if checks[c]["answer"] == "no"] == ["owner", "stack", "libraries", "names", "operations", "options", "texts", "services"]'
	json 'checks["words"]["answer"] == "not checked" and checks["words"]["reason"] == "not checked, for lack of: names"'
	json 'checks["features"]["answer"] == "yes" and j["failed"] == 8 and j["not_checked"] == 1'
}

@test "check: several modules at once" {
	module a.so faulty -DNAME='"a"'
	module b.so faulty -DNAME='"b"' -DNO_START
	modules 1 check "$M/b.so" "$M/a.so"
	says "$M/a.so: a 0.3.1" "$M/b.so: b 0.3.1" 'Nothing is wrong with it' 'Refused: 1 of 20 checks failed'
	modules 1 check "$M/b.so" "$M/a.so" -o json
	json '[m["result"] for m in j] == ["refused", "good"]'
	modules 1 check "$M/a.so" "$M/not-there.so" -o json
	json '[m["result"] for m in j] == ["good"]'
	logged 'not-there.so: cannot open it'
	modules 0 check "$M"/a.so a
}

@test "check without root: what the kernel can do is left open, and no fault" {
	module x.so faulty
	install -m 755 "$ECAPTURE" "$MODULES_DIR/ecapture"
	cat >"$D/by" <<-END
		#!/bin/sh
		exec setpriv --reuid=65534 --clear-groups '$MODULES_DIR/ecapture' "\$@"
	END
	chmod 755 "$D/by"
	ECAPTURE=$D/by modules 0 check "$M/x.so"
	says 'not checked' 'CAP_BPF and CAP_PERFMON' 'Nothing is wrong with it; 1 could not be made'
	ECAPTURE=$D/by modules 0 check "$M/x.so" --run -o json
	json 'checks["features"]["answer"] == checks["load"]["answer"] == "not checked"'
	json 'j["result"] == "good" and j["not_checked"] == 9'
	chmod 775 "$M/x.so"
	ECAPTURE=$D/by modules 1 check "$M/x.so"
}

# ---- check --run ----

@test "check --run: the modules that we ship" {
	local so
	for so in "$ECAPTURE_PLUGIN_DIR"/*.so; do
		modules 0 check "$so" --run -o json
		json '[c["check"] for c in j["checks"]][-8:] == ["dlopen", "memory", "defaults", "init", "load", "maps", "close", "unload"]'
		json 'all(c["answer"] == "yes" for c in j["checks"])'
	done
}

@test "check --run: the kernel takes the program, or it does not" {
	module x.so faulty
	modules 0 check "$M/x.so" --run
	says 'load() succeeds'
	# r0 is not set.
	module x.so faulty '-DPROGRAM={.code=BPF_JMP|BPF_EXIT}'
	modules 1 check "$M/x.so" --run -o json
	json 'checks["load"]["answer"] == "no" and checks["load"]["reason"] == "the kernel refused the program"'
	json 'checks["maps"]["reason"] == "not checked, for lack of: load"'
	json 'checks["init"]["answer"] == checks["close"]["answer"] == checks["unload"]["answer"] == "yes"'
}

# fails STEP TEXT FLAG...: the trial of a module built so ends there, with that text.
fails() {
	module x.so faulty "${@:3}"
	modules 1 check "$M/x.so" --run --patience "${PATIENCE:-10s}" -o json
	STEP=$1 TEXT=$2 json 'checks[os.environ["STEP"]]["answer"] == "no" and os.environ["TEXT"] in checks[os.environ["STEP"]]["reason"]'
	json 'sum(c["answer"] == "no" for c in j["checks"]) == 1'
}

@test "check --run: what the dynamic linker refuses" {
	module libabsent.so library -fvisibility=default -Dsmall_library=faulty_library -Wl,-soname,libabsent.so.2
	fails dlopen 'cannot load: libabsent.so.2: cannot open shared object file: No such file or directory; see ldd -r' \
		-DLIBRARY "$M/libabsent.so"
	fails dlopen 'undefined symbol: bpf_program__attach_tomorrow; it wants a libbpf newer than the' -DLATER_LIBBPF
}

@test "check --run: a module that fails" {
	fails init 'no such device here' '-DINIT=return ecap_fail(ctx,-19,"no such device here")'
	fails defaults '--file is missing' -DFLAGS=ECAP_OPT_REQUIRED
	fails unload '1 of its threads still run behind close()' '-DINIT=leave_thread()' -pthread
}

@test "check --run: a module that crashes or ends the process" {
	fails dlopen 'crashed by signal 11 (Segmentation fault)' '-DCONSTRUCTOR=crash()'
	fails init 'crashed by signal 11' '-DINIT=crash()'
	fails load 'crashed by signal 6 (Aborted)' '-DLOAD=abort()'
	fails close 'crashed by signal 11' '-DCLOSE=crash()'
	fails load 'ended the process, with exit code ' '-DLOAD=exit(3)'
}

@test "check --run: a module that does not return is given up" {
	PATIENCE=3s
	fails init 'did not return within 3000 ms; it was ended' '-DINIT=loop()'
	fails load 'did not return within 3000 ms; it was ended' '-DLOAD=for(;;);'
	! pgrep -f "$M/x.so"
}

# ---- no code of a module runs but where it must ----

@test "no code runs in list, inspect, check, help and refused loads" {
	module x.so faulty "-DMARK=\"$MARK\"" -DNAME='"x"'
	modules 0 list
	modules 0 inspect "$M/x.so"
	modules 0 inspect x -o json
	modules 0 check "$M/x.so"
	modules 0 man x
	modules 0 schema x
	"$ECAPTURE" --plugin-dir "$M" --help >"$D/out"
	says ' x '
	"$ECAPTURE" --plugin-dir "$M" x --help >"$D/out"
	says --model
	no_trace
	# Refused: by its owner, by an option, by what it needs.
	chmod 775 "$M/x.so"
	modules 1 check "$M/x.so" --run
	says 'a module that is refused is not run'
	run_x 2 'writable by group'
	chmod 755 "$M/x.so"
	run_x 2 'not one of' --model nothing
	no_trace
	module x.so faulty "-DMARK=\"$MARK\"" -DNAME='"x"' -DSERVICE='"ecap.no/1"'
	modules 1 check "$M/x.so" --run
	run_x 1 'needs service ecap.no/1'
	module x.so faulty "-DMARK=\"$MARK\"" -DNAME='"x"' '-DFEATURES=(UINT64_C(1)<<60)'
	run_x 1 'fits this kernel'
	no_trace
	# With nothing against it, it does run.
	module x.so faulty "-DMARK=\"$MARK\"" -DNAME='"x"'
	modules 0 check "$M/x.so" --run
	[ -e "$MARK" ]
}

run_x() { # CODE TEXT [OPTION...]
	local status=0
	"$ECAPTURE" --plugin-dir "$M" x "${@:3}" >"$D/out" 2>"$D/err" || status=$?
	same "exit code" "$1" $status
	logged "$2"
}
