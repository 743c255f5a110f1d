# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for aa-nestfix: commands, options, scopes, containers, profiles and IDs of changes.

function __aa_nestfix_ask
	set -l words (commandline -opc)
	set -l root (string match -r -- '^--root=.+' $words)
	set -l at (contains -i -- --root $words)
	and set root --root=$words[(math $at + 1)]
	aa-nestfix $root $argv 2>/dev/null </dev/null
end

function __aa_nestfix_containers
	begin
		for file in /etc/pve/lxc/*.conf
			string replace -r '.*/(.*)\.conf$' '$1' $file
		end
		for file in /var/lib/lxc/*/config
			string replace -r '.*/(.*)/config$' '$1' $file
		end
		command -q lxc-ls; and lxc-ls -1 2>/dev/null
	end | sort -u
end

function __aa_nestfix_profiles
	__aa_nestfix_ask --json check | string replace -rf '^ *"profile": "(.*)",?$' 'profile:$1' | sort -u
end

function __aa_nestfix_ids
	__aa_nestfix_ask rollback --list | string replace -rf '^([0-9TZ-]+) .*' '$1'
end

set -l commands check diff fix rollback explain prove probe harden
set -l targets check diff fix explain probe harden

complete -c aa-nestfix -f
complete -c aa-nestfix -n "not __fish_seen_subcommand_from $commands" -a check -d 'Say which rule is in the way, where, and for whom'
complete -c aa-nestfix -n "not __fish_seen_subcommand_from $commands" -a diff -d 'Show what fix would change, and the proof'
complete -c aa-nestfix -n "not __fish_seen_subcommand_from $commands" -a fix -d 'Back up, write, load into the kernel'
complete -c aa-nestfix -n "not __fish_seen_subcommand_from $commands" -a rollback -d 'Undo the last change, or the named one'
complete -c aa-nestfix -n "not __fish_seen_subcommand_from $commands" -a explain -d 'Say what decides an access'
complete -c aa-nestfix -n "not __fish_seen_subcommand_from $commands" -a prove -d 'Show the difference of two profiles'
complete -c aa-nestfix -n "not __fish_seen_subcommand_from $commands" -a probe -d 'Ask the kernel'
complete -c aa-nestfix -n "not __fish_seen_subcommand_from $commands" -a harden -d 'Switch AppArmor on again'
complete -c aa-nestfix -n "__fish_seen_subcommand_from $targets" -a '(__aa_nestfix_containers)' -d container
complete -c aa-nestfix -n "__fish_seen_subcommand_from $targets" -a '(__aa_nestfix_profiles)' -d profile
complete -c aa-nestfix -n '__fish_seen_subcommand_from prove explain' -F
complete -c aa-nestfix -n '__fish_seen_subcommand_from rollback' -a '(__aa_nestfix_ids)' -d change
complete -c aa-nestfix -n '__fish_seen_subcommand_from rollback' -l list -d 'List the changes'
complete -c aa-nestfix -n '__fish_seen_subcommand_from rollback' -l to -x -a '(__aa_nestfix_ids)' -d 'Back to how it was right after a change'
complete -c aa-nestfix -n '__fish_seen_subcommand_from rollback' -l all -d 'Back to how it was before the first change'
complete -c aa-nestfix -n '__fish_seen_subcommand_from fix harden rollback' -l yes -d 'Do not ask'
complete -c aa-nestfix -n '__fish_seen_subcommand_from fix' -l profile-for -x -a '(__aa_nestfix_containers)' -d 'Use lxc-container-nestfix in a container'
complete -c aa-nestfix -n '__fish_seen_subcommand_from fix' -l pve-hookscript -x -a '(__aa_nestfix_containers)' -d 'Cure a guest by a hookscript of Proxmox'
complete -c aa-nestfix -n '__fish_seen_subcommand_from fix' -l only -x -a '(__aa_nestfix_containers)' -d 'Cure a container alone, by lines of its own'
complete -c aa-nestfix -n '__fish_seen_subcommand_from fix' -l this-node-only -d 'Though other nodes do not have the hookscript'
complete -c aa-nestfix -n '__fish_seen_subcommand_from fix diff' -l profiles -d 'Also profiles of files that no container uses'
complete -c aa-nestfix -n '__fish_seen_subcommand_from fix diff' -l own-files -d 'Leave the files of other packages alone'
complete -c aa-nestfix -n '__fish_seen_subcommand_from fix diff rollback' -l reload -d 'Load it also where the kernel holds another policy'
complete -c aa-nestfix -n '__fish_seen_subcommand_from prove' -l allow -x -d 'A difference that is all right'
complete -c aa-nestfix -l root -x -a '(__fish_complete_directories)' -d 'Work on another root'
complete -c aa-nestfix -l parser -r -F -d 'Another apparmor_parser'
complete -c aa-nestfix -l features -r -F -d 'Compile for the kernel features of a file'
complete -c aa-nestfix -l patches -x -a '(__fish_complete_directories)' -d 'Read the conflict files from a directory'
complete -c aa-nestfix -n '__fish_seen_subcommand_from check diff fix harden explain probe hook' -l scope -x -a '(__fish_append , net ipc uts user)' -d 'What to give back'
complete -c aa-nestfix -l json -d 'Print one JSON object'
complete -c aa-nestfix -s q -l quiet -d 'Say nothing but errors'
complete -c aa-nestfix -s v -l verbose -d 'Say more'
complete -c aa-nestfix -s h -l help -d 'Show what may be typed'
complete -c aa-nestfix -s V -l version -d 'Print the version'
