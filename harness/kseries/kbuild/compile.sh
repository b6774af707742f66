#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# NAMES/compile COMPILER WORD...: run a compiler, and add to the dependencies
# that it writes what it does not tell there:
#  - where it could have found what it has read (names.py: the files in NAMES),
#  - what the assembler has read (.include, .incbin),
#  - the headers of the host: one of the tree may come before them (-MMD leaves
#    them out, by which programs for the host are compiled).
# make and ccache (CCACHE_PREFIX, in its depend mode) take both for what was read.

names=${0%/*}
dep= out= last= writes= folders=.
for word do
	shift
	case $word in
	-Wp,-MMD,*) word=-Wp,-MD,${word#-Wp,-MMD,} ;;
	-MMD) word=-MD ;;
	esac
	set -- "$@" "$word"
	case $word in
	-Wp,-MD,*) dep=${word#-Wp,-MD,} ;;
	-MD) writes=yes ;;
	-I?*) folders="$folders ${word#-I}" ;;
	esac
	case $last in
	-MF) dep=$word ;;
	-o) out=$word ;;
	-I) folders="$folders $word" ;;
	esac
	last=$word
done
if [ -z "$dep" ] && [ -n "$writes" ] && [ -n "$out" ]; then
	dep=${out%.*}.d
fi
[ -n "$dep" ] || exec "$@"

asm=$dep.as
case $asm in *,*) asm=/tmp/kseries.$$.as ;; esac # gcc's -Wa takes a comma for its own
trap 'rm -f "$asm" "$dep.all"' EXIT
case ${1##*/} in
*clang*) "$@" || exit ;; # its own assembler tells nothing
*) "$@" "-Wa,--MD,$asm" || exit ;;
esac
[ -f "$dep" ] || exit 0

set -f # no word below is a pattern
read_files=$(tr -d '\\' <"$dep")
if ! [ -f "$asm" ] && grep -qsE '\.inc(lude|bin)' -- $read_files; then
	# What a directive names, wherever it could be found.
	for name in $(sed -n 's/.*\.inc\(lude\|bin\)[^"]*"\([^"\\]*\).*/\2/p' -- $read_files 2>/dev/null); do
		for folder in $folders; do
			[ -f "$folder/$name" ] && echo "$folder/$name"
		done
	done | { printf 'x: '; tr '\n' ' '; echo; } >"$asm"
fi
has=no
of_tree= of_host=
for file in $read_files; do
	case $file in
	/usr/*) of_host="$of_host $file" ;;
	*) of_tree="$of_tree $file" ;;
	esac
done
grep -qsF __has_include -- $of_tree && has=yes
# The host's headers ask for few names, which they spell out.
asked=
[ -z "$of_host" ] || asked=$(sed -n 's/.*__has_include *( *["<]\([A-Za-z0-9_./+-]*\)[">].*/\1/p' -- $of_host 2>/dev/null)

awk -v names="$names" -v tmp="${TMPDIR:-/tmp}/" -v has="$has" -v asked="$(echo $asked)" '
function hashed(name,    at, sum) {
	for (at = 1; at <= length(name); at++)
		sum = (sum * 31 + index(letters, substr(name, at, 1))) % 1021
	return sum + 0
}
function there(file,    line, got) {
	got = (getline line <file) >= 0
	close(file)
	return got
}
function add(file) {
	if (!(file in added)) {
		added[file] = 1
		more = more " \\\n  " file
	}
}
function searched(path,    name) {
	name = path
	sub(/.*\//, "", name)
	if (name in known)
		return
	known[name] = 1
	if (path ~ /\\/ || name !~ /^[A-Za-z0-9._+-]+$/)
		add(names "/all")
	else if (name !~ /\.h$/)
		add(names "/any/" (length(name) * 31 + index(letters, substr(name, 1, 1))) % 127)
	else if (there(names "/h/" name))
		add(names "/h/" name)
	else
		add(names "/none/" hashed(name))
}
BEGIN { letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-" }
FILENAME == ARGV[1] {
	for (at = 1; at <= NF; at++) {
		path = $at
		if (path == "\\" || path ~ /:$/ || path in read)
			continue
		read[path] = 1
		if (!source)
			source = path # it was named, not searched
		else
			searched(path)
	}
	lines[++count] = $0
	next
}
{
	for (at = 1; at <= NF; at++) {
		path = $at
		# Not the file that a compiler has written for it, nor the name that it gives that.
		if (path == "\\" || path ~ /:$/ || path in read || index(path, tmp) == 1 || !there(path))
			continue
		add(path)
		searched(path)
	}
}
END {
	if (has == "yes")
		add(names "/all")
	count_asked = split(asked, wanted, " ")
	for (at = 1; at <= count_asked; at++)
		searched(wanted[at])
	for (at = 1; at <= count; at++) {
		# The first rule ends where no line goes on.
		if (!ended && lines[at] !~ /\\$/) {
			ended = 1
			lines[at] = lines[at] more
		}
		print lines[at]
	}
}' "$dep" $([ -f "$asm" ] && echo "$asm") >"$dep.all" && cat "$dep.all" >"$dep"
