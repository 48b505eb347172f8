# SPDX-License-Identifier: Apache-2.0
# compare.awk RELEASED TODAY: each line of a released layout file that the headers break today, with
# what to do. Adding passes where its head says so.

function broken(what) {
	print released ":" line_of[key] ": " key ": " what
}

# The lines are "KIND NAME REST"; a key is "KIND NAME".
function read_line() {
	key = $1 " " $2
	rest = $0
	sub(/^[^ ]+ [^ ]+ ?/, "", rest)
}

function struct_of(name) { sub(/\..*/, "", name); return name }

# A reserved member's bytes may become other members, as long as these stay within them.
function only_within(owner, from, end,    m) {
	for (m in offset)
		if (struct_of(m) == owner && offset[m] < end && offset[m] + size[m] > from &&
		    (offset[m] < from || offset[m] + size[m] > end))
			return 0
	return 1
}

function check_member(name, was,    w, bytes) {
	split(was, w, " ") # offset N size N type ...
	bytes = w[2] + w[4]
	if (name ~ /\.reserved[0-9]*$/) {
		if (how[struct_of(name)] == "inside")
			return
		if (!only_within(struct_of(name), w[2] + 0, bytes))
			broken("a member that begins or ends inside its bytes " w[2] " to " bytes - 1 \
			       " is there now; members may take its place, but not its neighbours'")
	} else if (!(key in today)) {
		broken("is gone; put it back: a member that is replaced stays, and gets a successor with another name")
	} else if (how[struct_of(name)] == "inside") {
		sub(/^.* type /, "", was)
		now = today[key]
		sub(/^.* type /, "", now)
		if (now != was)
			broken("was of type " was ", is of type " now " now; put it back")
	} else if (today[key] != was) {
		broken("was " was ", is " today[key] " now; put it back, and append new members at the end")
	}
}

function check_struct(name, was,    w, t) {
	split(was, w, " ") # size N grows X
	if (!(key in today)) {
		broken("is gone; put it back")
		return
	}
	split(today[key], t, " ")
	if (w[3] " " w[4] != t[3] " " t[4])
		broken("was [" w[3] " " w[4] "], is [" t[3] " " t[4] "] now; how a struct grows stays")
	else if (t[2] + 0 < w[2] + 0 && t[3] != "inside")
		broken("had " w[2] " bytes, has " t[2] " now; a struct never shrinks")
	else if (t[3] == "fixed" && t[2] != w[2])
		broken("had " w[2] " bytes, has " t[2] " now; it is part of other structs and cannot grow: " \
		       "make a new struct, and append a member of it to those")
}

BEGIN { released = ARGV[1] }
/^#/ || /^$/ || $1 == "abi" { next }
{ read_line() }
NR == FNR { was[++n] = $0; line_of[key] = FNR; next }
{
	today[key] = rest
	split(rest, w, " ")
	if ($1 == "member") { offset[$2] = w[2] + 0; size[$2] = w[4] + 0 }
	if ($1 == "struct") how[$2] = w[3]
}

END {
	if (!n)
		print released ": has no lines"
	for (i = 1; i <= n; i++) {
		$0 = was[i]
		read_line()
		if ($1 == "member")
			check_member($2, rest)
		else if ($1 == "struct")
			check_struct($2, rest)
		else if (!(key in today))
			broken("is gone; put it back, with the same value")
		else if (today[key] != rest)
			broken("was " rest ", is " today[key] " now; put it back: what is new gets another name")
	}
}
