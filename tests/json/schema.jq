# SPDX-License-Identifier: GPL-2.0-or-later
# What doc/json.md promises, as jq: an object goes in, nothing comes out where it keeps it, else a list of complaints.

def string: if type == "string" then empty else "no string: \(.)" end;
def number: if type == "number" then empty else "no number: \(.)" end;
def boolean: if type == "boolean" then empty else "no boolean: \(.)" end;
def nullable(f): if . == null then empty else f end;
def each(f): if type == "array" then .[] | f else "no array: \(.)" end;
def word($words): if . as $w | $words | index($w) then empty else "'\(.)' is none of \($words)" end;

# The field must be there; a complaint names it.
def field($name; f):
	if type != "object" then "no object: \(.)"
	elif has($name) then .[$name] | f | "\($name): \(.)"
	else "\($name) is missing" end;

def state: word(["allowed", "not-loaded", "blocked", "uneditable", "incomplete", "not-granted", "unknown"]);

def rule: field("file"; string), field("line"; number), field("column"; number), field("text"; string),
	field("priority"; number);

def change:
	field("kind"; word(["file", "link", "logging", "class", "field", "added", "lost"])),
	field("profile"; string), field("pattern"; string), field("example"; string), field("change"; string),
	field("inside"; boolean);

def patch: each(field("file"; string), field("kind"; word(["policy", "kernel", "load", "drop-in", "config"])),
	field("edits"; each(field("at"; number), field("old"; string), field("new"; string))));

def proof: field("proved"; boolean),
	field("policies"; each(field("file"; string), field("inside"; boolean), field("not_loaded"; nullable(string)),
		field("assumed"; nullable(string)), field("changes"; each(change)))),
	field("next_starts"; each(field("container"; nullable(string)), field("alike"; number), field("made_from"; string),
		field("why"; nullable(string)), field("inside"; boolean), field("changes"; each(change))));

def word_of_kernel: word(["allowed", "denied", "unknown"]);

def receipt: field("id"; nullable(string)), field("files"; each(string)), field("loaded"; each(string)), field("kernel"; string),
	field("asked"; each(field("profile"; string), field("path"; string), field("before"; word_of_kernel),
		field("after"; word_of_kernel)));

def obstacles: field("obstacles"; nullable(each(field("profile"; string), field("needs"; each(string)))));

def answer: field("word"; word(["none", "works", "not-set-up", "apparmor-off", "unknown", "stopped"])), field("why"; string),
	field("rule"; string), field("place"; nullable(string));

def container:
	field("name"; string), field("target"; string), field("kind"; word(["lxc", "pve", "incus", "lxd", "user"])), field("running"; boolean),
	field("nesting"; boolean), field("unprivileged"; boolean), field("profile"; string),
	field("origin"; word(["file", "generated", "unconfined", "unchanged"])), field("label"; string),
	field("docker"; boolean), field("counts"; boolean), field("now"; answer), field("next"; answer), field("remedy"; each(string));

def check:
	field("conflict"; string), field("scopes"; each(string)),
	field("state"; if . == "works" or . == "stopped" then empty else state end), field("found"; boolean), field("failing"; number),
	field("rules"; each(rule, field("denies"; string), field("included"; string), field("editable"; boolean),
		field("scopes"; each(string)), field("profiles"; each(string)))),
	field("profiles"; each(field("profile"; string), field("scope"; string), field("state"; state), field("path"; string),
		field("allowed_by"; nullable(rule)), field("cure"; string), field("opened"; string))),
	obstacles,
	field("containers"; each(container)), field("new_containers"; nullable(container)),
	field("opened"; string), field("apparmor_off"; boolean), field("guest"; nullable(word(["works", "stopped", "no-nesting", "unknown"]))),
	field("skipped"; each(field("file"; string), field("reason"; string))),
	field("unfinished"; nullable(string)),
	field("held"; each(field("container"; string), field("package"; string), field("version"; string),
		field("held"; boolean), field("vulnerable"; boolean))),
	field("patched"; each(field("file"; string), field("package"; string))),
	field("needless"; each(field("what"; string), field("command"; string)));

def nothing: field("changed"; word([false])), field("profiles"; number);

def remains: field("remains"; each(string));

def diff: if has("changed") then nothing else field("patch"; patch), field("proof"; proof) end;

def written: field("changed"; boolean), field("patch"; patch), field("receipt"; nullable(receipt));

def harden: written, field("restored"; nullable(field("patch"; patch), field("proof"; proof), field("receipt"; receipt))), field("again"; each(field("container"; string), field("what"; string), field("file"; string),
	field("line"; number), field("text"; string))), field("containers"; each(field("container"; string), field("file"; string), field("profile"; string),
	field("state"; word(["cured", "uncured", "still-off", "no-profile", "refused", "not-blamed"])), field("why"; nullable(string)),
	field("lines"; each(field("file"; string), field("line"; number), field("text"; string),
		field("workaround"; word(["unconfined", "hidden"])), field("own"; boolean)))));

def fix: if has("switched") then written, field("switched"; each(string)), field("loaded"; nullable(receipt))
	elif .changed == false then nothing, (if has("remains") then remains else empty end)
	else field("changed"; word([true])), field("patch"; patch), field("proof"; proof), field("receipt"; receipt),
		field("state"; if . == "works" or . == "stopped" then empty else state end), obstacles, remains end;

def rollback: if has("changes")
	then field("changes"; each(field("id"; string), field("time"; string),
		field("state"; word(["in force", "undone", "unused", "damaged"])), field("undone"; nullable(string)),
		field("scopes"; each(string)), field("files"; each(string)))),
		field("in_force"; each(field("file"; string), field("kind"; word(["policy", "drop-in", "config"])),
			field("scopes"; each(string)), field("lost"; each(string)), field("changes"; each(string)),
			field("edited"; boolean), field("node"; nullable(string)))),
		field("kernel"; each(field("file"; string), field("container"; nullable(string)), field("scopes"; each(string)),
			field("hidden"; boolean), field("known"; boolean)))
	else field("undone"; each(string)), field("receipt"; receipt) end;

def explain: field("profiles"; each(field("profile"; string), field("path"; string), field("perm"; string),
	field("allowed"; boolean), field("rule"; nullable(rule)), field("owner_allowed"; boolean),
	field("owner_rule"; nullable(rule)), field("others_allowed"; boolean), field("others_rule"; nullable(rule))));

def prove: field("equal"; boolean), field("inside"; boolean), field("changes"; each(change));

def probe: field("labels"; each(field("label"; string), field("state"; word(["allowed", "denied", "unknown"])),
	field("reason"; nullable(string)), field("accesses"; each(field("path"; string),
		field("state"; word(["allowed", "denied", "absent", "barred"])), field("error"; nullable(string)),
		field("plain_error"; nullable(string))))));

def failed: field("error"; field("kind"; word(["usage", "refused", "failed", "broken"])), field("text"; string),
	field("hint"; string));

[field("format"; word([1])), field("command"; word([$command])),
	if has("error") then failed
	elif $command == "check" then check
	elif $command == "diff" then diff
	elif $command == "fix" then fix
	elif $command == "harden" then harden
	elif $command == "rollback" then rollback
	elif $command == "explain" then explain
	elif $command == "probe" then probe
	elif $command == "prove" then prove
	else "the schema knows no command \($command)" end]
| .[]
