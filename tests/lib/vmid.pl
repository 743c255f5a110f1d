# SPDX-License-Identifier: GPL-2.0-or-later
# vmid: random VMID.conf files, and what Proxmox reads out of them (PVE::LXC::Config parse_pct_config).
#   perl vmid.pl make DIR COUNT SEED       writes DIR/100.conf …
#   perl vmid.pl list KIND DIR             VMIDs that a change of this kind is for
#   perl vmid.pl snapshot DIR VMID…        takes a snapshot of each, as Proxmox does, without rewriting the rest
#   perl vmid.pl compare KIND OLD NEW      every file of OLD is in NEW, and its meaning differs by what KIND may change, and by
#                                          no more: harden, hookscript, profile; undone: the present is the same. Prints
#                                          the number of files that differ; dies at the first that does so wrongly.
use strict;
use warnings;

sub slurp {
	open my $in, '<:raw', $_[0] or die "$_[0]: $!";
	local $/;
	my $text = <$in>;
	return defined $text ? $text : '';
}

sub spew {
	my ($path, $text) = @_;
	open my $out, '>:raw', $path or die "$path: $!";
	print $out $text;
	close $out or die "$path: $!";
}

# What stands before the first section, and the rest.
sub parts {
	my ($text) = @_;
	my $at = 0;
	for my $line (split /^/, $text) {
		last if $line =~ /^\[pve:pending\]\s*$/i || $line =~ /^\[[a-z][a-z0-9_-]+\]\s*$/i;
		$at += length $line;
	}
	return (substr($text, 0, $at), substr $text, $at);
}

# The present: description, keys (the last one counts), raw lines in order, lines that Proxmox drops.
sub present {
	my ($text) = parts(@_);
	my %p = (description => [], keys => {}, raw => [], dropped => []);
	for my $line (split /\n/, $text) {
		next if $line =~ /^\s*$/;
		if ($line =~ /^#(.*)$/s) { push @{$p{description}}, $1 }
		elsif ($line =~ /^(lxc\.[a-z0-9_\-.]+)(?::|\s*=)\s*(.*?)\s*$/s) { push @{$p{raw}}, "$1 $2" }
		elsif ($line =~ /^([a-z][a-z_]*\d*):\s*(.+?)\s*$/s) { $p{keys}{$1} = $2 }
		else { push @{$p{dropped}}, $line }
	}
	return \%p;
}

# As liblxc takes it.
sub unquoted {
	my ($value) = @_;
	return $value =~ /^(['"])(.*)\1$/ && length $value > 1 ? $2 : $value;
}

# The raw line that sets the profile: [index, value], or nothing.
sub profile {
	my ($p) = @_;
	for my $i (reverse 0 .. $#{$p->{raw}}) {
		return [$i, unquoted($1)] if $p->{raw}[$i] =~ /^lxc\.apparmor\.profile (.*)$/;
	}
	return undef;
}

sub flat {
	my ($p) = @_;
	return join "\n", (map { "# $_" } @{$p->{description}}), (map { "$_: $p->{keys}{$_}" } sort keys %{$p->{keys}}),
		@{$p->{raw}}, (map { "? $_" } @{$p->{dropped}});
}

# The meaning that a change of the kind gives.
sub changed {
	my ($kind, $p) = @_;
	if ($kind eq 'hookscript') {
		my $own = $p->{keys}{hookscript};
		$p->{keys}{hookscript} = defined $own && $own =~ m{^(.*:snippets/)(.*)$} ? "$1aa-nestfix+$2" : 'local:snippets/aa-nestfix';
	} elsif ($kind eq 'profile') {
		$p->{raw}[profile($p)->[0]] = 'lxc.apparmor.profile lxc-container-nestfix';
	} elsif ($kind eq 'harden') {
		@{$p->{raw}} = grep { !(/^lxc\.apparmor\.profile (.*)$/ && unquoted($1) eq 'unconfined') && !m{sys/module/apparmor/} } @{$p->{raw}};
	}
	return $p;
}

my %number;
sub any { return $_[rand @_] }
sub maybe { my ($chance, @what) = @_; return rand() < $chance ? @what : () }

my $hide = '/dev/null sys/module/apparmor/parameters/enabled none bind 0 0';
sub section {
	my ($vmid) = @_;
	my @keys = (
		maybe(0.9, 'arch:amd64'), maybe(0.5, 'cores:' . any(1, 2, 8)), maybe(0.2, 'cpulimit:1.5'), maybe(0.9, 'features:' . any('nesting=1', 'nesting=1', 'keyctl=1,nesting=1', 'mount=nfs;cifs,nesting=1', 'fuse=1')),
		maybe(0.9, "hostname:ct$vmid"), maybe(0.9, 'memory:' . any(512, 4096)), maybe(0.1, 'description:a b%0Ac'),
		maybe(0.3, "mp0:local:$vmid/a.raw,mp=/x y,size=8G"), maybe(0.8, 'net0:name=eth0,bridge=vmbr0,ip=dhcp,type=veth'), maybe(0.3, 'onboot:' . any('1', 'yes', 'off')),
		'ostype:' . any('debian', 'ubuntu', 'alpine', 'unmanaged'), maybe(0.8, "rootfs:local:$vmid/d.raw,size=8G"), maybe(0.2, 'startup:order=1'), maybe(0.5, 'swap:512'),
		maybe(0.2, 'tags:a;b'), maybe(0.1, 'timezone:host'), maybe(0.7, 'unprivileged:1'), maybe(0.1, "unused0:local:$vmid/e.raw"), maybe(0.1, 'zz_new9:x=#1'),
		maybe(0.3, 'hookscript:local:snippets/' . any('mail.sh', 'a+b', 'x y.pl', '%41')), maybe(0.02, 'hookscript:nowhere:snippets/x'), maybe(0.1, 'protection:1'), maybe(0.02, 'lock:backup'));
	my @raw = (maybe(0.35, 'lxc.apparmor.profile ' . any('unconfined', 'unconfined', '"unconfined"', "'unconfined'", 'lxc-container-default-cgns', '"lxc-container-default-with-nesting"', 'generated')),
		maybe(0.2, "lxc.cap.drop "), maybe(0.2, 'lxc.cgroup2.devices.allow a'), maybe(0.1, "lxc.mount.entry $hide"), maybe(0.1, "lxc.mount.entry \"$hide\""), maybe(0.1, 'lxc.mount.entry /srv srv none bind 0 0'),
		maybe(0.1, 'lxc.apparmor.profile ' . any('unconfined', 'lxc-container-default-cgns')), maybe(0.1, 'lxc.idmap u 0 100000 65536'));
	@keys = sort { rand() <=> 0.5 } @keys if rand() < 0.2;
	push @keys, any(@keys) if rand() < 0.1;
	my @lines = map { s/^([^:]*):(.*)$/$1 . ':' . any(' ', ' ', ' ', '', "\t", '  ') . $2 . any('', '', '', ' ', "\t")/er } @keys;
	push @lines, map { s/^(\S+) (.*)$/$1 . any(': ', ': ', ' = ', '=', ':') . $2 . any('', '', ' ')/er } @raw;
	splice @lines, rand @lines, 0, any('strange line', ' arch: i386', 'Upper: x', 'lxc.apparmor.profile', '  ', "\f", '', '#amid', '# http%3A//x') for 1 .. any(0, 0, 0, 1, 3);
	unshift @lines, map { '#' . any('Mail server', ' a%3A b', '', "gr\xc3\xbc\xc3\x9fe", '# twice') } 1 .. any(0, 0, 1, 3);
	return @lines;
}

sub conf {
	my ($vmid) = @_;
	my @lines = section($vmid);
	push @lines, maybe(0.8, ''), any('[pve:pending]', '[PVE:Pending]'), 'delete: swap', maybe(0.5, 'memory: 77'), maybe(0.1, 'hookscript: local:snippets/p') if rand() < 0.25;
	push @lines, maybe(0.9, ''), '[' . any('snap', 'A-b_9') . "$_]" . any('', '', ' '), section($vmid), 'snaptime: 1750000000' for 1 .. any(0, 0, 1, 3);
	my $eol = rand() < 0.1 ? "\r\n" : "\n";
	return join($eol, @lines) . (rand() < 0.9 ? $eol : '');
}

my ($command, @args) = @ARGV;
if ($command eq 'make') {
	my ($dir, $count, $seed) = @args;
	srand $seed;
	spew("$dir/$_.conf", conf($_)) for 100 .. 99 + $count;
} elsif ($command eq 'list') {
	my ($kind, $dir) = @args;
	for my $path (sort glob "$dir/*.conf") {
		my $p = present(slurp($path));
		my ($rest, $own, $profile) = ((parts(slurp($path)))[1], $p->{keys}{hookscript}, profile($p));
		next if $p->{keys}{lock} || ($kind eq 'hookscript' && $rest =~ /^hookscript: local:snippets\/p/m);
		next if $kind eq 'hookscript' && defined $own && $own !~ /^local:/;
		next if $kind eq 'profile' && (!$profile || $profile->[1] eq 'generated');
		print $path =~ /(\d+)\.conf$/, "\n";
	}
} elsif ($command eq 'snapshot') {
	my ($dir, @vmids) = @args;
	for my $vmid (@vmids) {
		my $text = slurp("$dir/$vmid.conf");
		my ($now) = parts($text);
		$text .= "\n" if $text !~ /\n\z/;
		spew("$dir/$vmid.conf", "$text\n[zlast]\n" . $now . ($now =~ /\n\z/ ? '' : "\n") . "snaptime: 1\n");
	}
} elsif ($command eq 'compare') {
	my ($kind, $old_dir, $new_dir) = @args;
	my $count = 0;
	for my $path (sort glob "$old_dir/*.conf") {
		my ($name) = $path =~ m{([^/]*)$};
		my ($old, $new) = (slurp($path), slurp("$new_dir/$name"));
		my $rest = (parts($old))[1];
		next if $kind ne 'undone' && $old eq $new;
		my ($meant, $is) = (flat(changed($kind, present($old))), flat(present($new)));
		die "$name: another meaning of the present:\n$meant\n-- is:\n$is\n" if $meant ne $is;
		die "$name: its sections changed:\n$rest\n-- is:\n" . (parts($new))[1] if index((parts($new))[1], $rest) != 0;
		$count++;
	}
	print "$count\n";
} else {
	die "vmid.pl: $command?\n";
}
