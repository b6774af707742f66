# SPDX-License-Identifier: GPL-2.0-only
#
# What the probes of a guest said -> a line for each of their checks: STATUS NAME.
#
# It is TAP (testanything.org, Documentation/dev-tools/ktap.rst). Before what a probe says stands
# "    # Subtest: PROBE", behind it "ok N PROBE". Results may be nested: those of a part come before
# that of the whole. Of a probe that begins there is a line, too: "begun" PROBE.
#
# In a check's name each run of characters that are neither letters, digits, "_" nor "-" is "_", and
# in a suite's, with -v kunit=1. What is not ASCII is "_" in any name, with the "_" around it.

function tell(name, status,	id) {
	id = spelled(probe "." name)
	print status, id
	print status, id "#" ++answers[id]
}

function spelled(name) {
	gsub(/_*[^!-~][^!-^`-~]*/, "_", name)
	return name
}

function tidy(name) {
	gsub(/[\001-,.\/:-@[-^`{-\177]+/, "_", name)
	return name ~ /^_*$/ ? "" : name
}

# Gives the results that are indented further than this one, which is that of the whole, their whole names.
function adopt(name, indent,	part, broken) {
	broken = 0
	for (part = 1; part <= parts; part++) {
		if (indents[part] <= indent)
			continue
		names[part] = name "/" names[part]
		indents[part] = indent
		if (statuses[part] == "fail")
			broken = 1
	}
	return broken
}

function leave(	part) {
	for (part = 1; part <= parts; part++)
		tell(names[part], statuses[part])
	parts = 0
}

{
	sub(/[ \t\r]+$/, "")
	match($0, /^[ \t]*/)
	margin = substr($0, 1, RLENGTH)
	text = substr($0, RLENGTH + 1)
	gsub(/\t/, "    ", margin)
	indent = length(margin)
}

probe == "" && indent == 4 && (kunit ? text ~ /^# Subtest: ./ : text ~ /^# Subtest: [^ ]+$/) {
	probe = substr(text, 12)
	if (kunit)
		probe = tidy(probe)
	print "begun", spelled(probe)
	last = 0
	split("", announced)
}

probe != "" && text ~ /^# plan: / {
	split(substr(text, 9), announced, " ")
}

probe == "" || text !~ /^(not )?ok([ \t]|$)/ { next }

{
	failed = text ~ /^not /
	sub(/^(not )?ok[ \t]*/, "", text)
	number = ""
	if (text ~ /^[0-9]+([ \t#]|$)/) {
		number = text + 0
		sub(/^[0-9]+[ \t]*/, "", text)
	}
	sub(/^-[ \t]+/, "", text)

	said = ""
	if (match(text, /(^|[ \t])#([ \t]|$|[Ss][Kk][Ii][Pp]|[Tt][Oo][Dd][Oo]|[Xx][Ff][Aa][Ii][Ll])/)) {
		said = substr(text, RSTART)
		text = substr(text, 1, RSTART - 1)
		sub(/^[ \t]*#[ \t]*/, "", said)
	}
	status = failed ? "fail" : "pass"
	if (toupper(said) ~ /^(SKIP|SKIPPED)([^A-Z0-9_-]|$)/)
		status = "skip"
	else if (toupper(said) ~ /^XFAIL([^A-Z0-9_-]|$)/ || (failed && toupper(said) ~ /^TODO([^A-Z0-9_-]|$)/))
		status = "xfail"
	else if (said ~ /^(TIMEOUT|ERROR)([^A-Za-z0-9_-]|$)/)
		status = "fail"

	if (indent < 4) {
		leave()
		probe = ""
		next
	}
	if (indent == 4 && number == "")
		number = last + 1
	if (indent == 4)
		last = number
	text = tidy(text)
	if (text == "")
		text = (number in announced) ? announced[number] : number
	if (adopt(text, indent))
		status = "fail"
	if (indent > 4) {
		parts++
		names[parts] = text
		indents[parts] = indent
		statuses[parts] = status
	} else {
		leave()
		tell(text, status)
	}
}

END { leave() }
