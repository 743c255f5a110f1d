# SPDX-License-Identifier: GPL-2.0-or-later
# state: random sequences of fix, rollback, check, edits and upgrades of the files, against a model that is a set of scopes.
# What a file must hold is told by the program itself, asked for all scopes at once on a fresh host: so a set has one text.
#   perl state.pl TOOL FOLDER SEQUENCES SEED      TOOL is a command; ROOT in it stands for the root
use strict;
use warnings;

my ($tool, $dir, $sequences, $seed) = @ARGV;
srand $seed;

my @scopes = qw(net ipc uts user);
my $top = 'etc/apparmor.d/lxc-containers';
my $dropin = 'usr/share/lxc/config/common.conf.d/60-aa-nestfix.conf';
# Two files of policy, each of two makes; and what of the scopes their rules deny.
my %make = (
	'etc/apparmor.d/abstractions/lxc/container-base' => {
		denies => {map { $_ => 1 } @scopes},
		texts => ["  /a1 r,\n  deny /sys/[^fdc]*{,/**} wklx,\n  /a2 r,\n  deny /sys/fs/[^c]*{,/**} wklx,\n  /a3 r, # a\n",
			"# new\n  /a1 r,\n  /b r,\n  deny /sys/fs/[^c]*{,/**}\n    wkl,\n  /a2 r,\n\t audit deny /sys/[^fdcx]*{,/**} wklx, # b\n  /a3 r,\n  /z r,"],
	},
	'etc/apparmor.d/lxc-other' => {
		denies => {net => 1, user => 1},
		texts => ["profile lxc-other {\n  file,\n  mount,\n  umount,\n  pivot_root,\n  /a1 r,\n  deny /sys/[nu]*{,/**} w,\n  /a2 r,\n  /a3 r,\n}\n",
			"profile lxc-other {\n  file, mount, umount, pivot_root,\n  /a1 r,\n  /b r,\n  /a2 r,\n  deny /sys/n*{,/**} wx, deny /sys/us*/** w,\n  /a3 r,\n}\n"],
	},
);
my @files = sort keys %make;
my (%plain, %held, %touched, @changes, $root, @log);

sub slurp {
	open my $f, '<', $_[0] or return undef;
	local $/;
	return scalar <$f>;
}

sub spew {
	my ($path, $text) = @_;
	open my $f, '>', $path or die "$path: $!";
	print $f $text;
	close $f or die "$path: $!";
}

sub fresh {
	($root) = @_;
	system('rm', '-rf', $root);
	system('cp', '-a', "$dir/host", $root) == 0 or die 'no host';
	for my $file (@files) {
		spew("$root/$file", $_[1]{$file});
		chmod 0640, "$root/$file";
		utime 1500000000, 1500000000, "$root/$file";
	}
}

# run ARGUMENTS: its status; what it says in $dir/out.
sub run {
	my $line = "$tool @_";
	$line =~ s/ROOT/$root/g;
	push @log, "@_";
	return system("$line >$dir/out 2>&1 </dev/null") >> 8;
}

sub fail {
	print "# ", join("\n# ", @log), "\n# $_[0]\n";
	print map { "# out: $_\n" } split /\n/, slurp("$dir/out");
	exit 1;
}

# The files as a fresh host has them once these scopes are fixed; kept, for few texts are ever met.
my %known;
sub wanted {
	my ($file, $text, @set) = @_;
	my $key = join "\0", $file, $text // '', @set;
	if (!exists $known{$key}) {
		my ($here, @before) = ($root, @log);
		fresh("$dir/fresh", {map { $_ => $make{$_}{texts}[0] } @files});
		spew("$root/$file", $text) if defined $text;
		my $status = @set ? run('--profiles', '--scope', join(',', @set), 'fix') : 0;
		fail("a fresh host cannot be fixed: $status") if $status > 1;
		$known{$key} = slurp("$root/$file");
		($root, @log) = ($here, @before);
	}
	return $known{$key};
}

sub in_order { my %set = map { $_ => 1 } @_; return grep { $set{$_} } @scopes }

sub asked {    # by the changes in force that hold this file
	my ($file) = @_;
	return in_order(map { @{$_->{scopes}} } grep { $_->{files}{$file} } @changes);
}

sub denied { my ($file, @set) = @_; return grep { $make{$file}{denies}{$_} } @set }

sub fix {
	my @set = grep { rand() < 0.4 } @scopes;
	@set = $scopes[rand @scopes] if !@set;
	my $status = run('--profiles', '--scope', join(',', @set), 'fix');
	fail("fix ended with $status") if $status > 1;
	my ($id) = slurp("$dir/out") =~ /rollback (\d\S+)$/m;
	my (%files, $new);
	for my $file (@files, $dropin) {
		my @here = $file eq $dropin ? @set : denied($file, @set);
		my @all = in_order(@set, map { @{$_->{scopes}} } @changes); # what is in force stays so
		$files{$file} = 1 if @here;
		@all = denied($file, @all) if $file ne $dropin;
		next if !grep { !$held{$file}{$_} } @all;
		$files{$file} = $new = 1;
		$held{$file}{$_} = 1 for @all;
	}
	fail($new ? 'a change was not recorded' : "$id was recorded, which changes nothing") if !!$new != !!$id;
	push @changes, {id => $id, scopes => [@set], files => \%files} if $new;
}

sub narrow {    # what no change asks for any more is gone
	for my $file (@files, $dropin) {
		my %left = map { $_ => 1 } asked($file);
		delete @{$held{$file}}{grep { !$left{$_} } keys %{$held{$file}}};
	}
}

sub rollback {
	my $which = int rand 5;
	my ($status, $want) = (0, @changes ? 0 : 3);
	my $at = int rand(@changes || 1);
	if ($which == 0) {
		$status = run('rollback', '--all');
		@changes = ();
	} elsif ($which == 1 && @changes) {
		$want = 3 if $at == $#changes;
		$status = run('rollback', '--to', $changes[$at]{id});
		$#changes = $at;
	} elsif ($which == 2 || !@changes) {
		$status = run('rollback');
		pop @changes;
	} else {
		$status = run('rollback', $changes[$at]{id});
		splice @changes, $at, 1;
	}
	fail("rollback ended with $status, not $want") if $status != $want;
	narrow();
}

# The same line in the file as it is and in the text without our changes.
sub edit {
	my ($file, $n) = ($files[rand @files], ++$touched{n});
	my $line = "/a" . (1 + int rand 3) . " r,";
	my $more = ("\n  # admin $n", "\n  /admin$n r,", " # admin $n, deny /sys/net w,")[rand 3];
	my $now = slurp("$root/$file");
	s/\Q$line\E/$line$more/ for $now, $plain{$file};
	spew("$root/$file", $now);
	$touched{$file} = 1;
	push @log, "edit $file: $line$more";
}

sub upgrade {
	my $file = $files[rand @files];
	$plain{$file} = $make{$file}{texts}[rand 2];
	spew("$root/$file", $plain{$file});
	$held{$file} = {};
	$touched{$file} = 1;
	push @log, "upgrade $file";
}

sub agree {
	for my $file (@files, $dropin) {
		my $want = wanted($file, $plain{$file}, in_order(keys %{$held{$file}}));
		my $now = slurp("$root/$file");
		next if ($want // 'none') eq ($now // 'none');
		spew("$dir/want", $want // '');
		my @diff = `diff $dir/want $root/$file`;
		fail("$file does not hold " . join(',', keys %{$held{$file}}) . ":\n# " . join '# ', @diff);
	}
	run('rollback', '--list');
	my @listed = map { /^(\S+) +in force / ? $1 : () } split /\n/, slurp("$dir/out");
	my @known = map { $_->{id} } @changes;
	fail("in force is @known, listed is @listed") if "@listed" ne "@known";
	for my $file (@files, $dropin) {
		my ($told) = slurp("$dir/out") =~ m{^  /\Q$file\E: ([a-z,]*)}m;
		my $holds = join ',', in_order(keys %{$held{$file}});
		$told = '' if !defined $told || $told eq 'nothing' || $told =~ /^not/;
		fail("$file holds '$holds', listed is '$told'") if $told ne $holds;
	}
	pop @log;
}

$root = '';
for my $file (@files, $dropin) {
	my $text = wanted($file, undef, @scopes) // '';
	fail("$file was not met") if $text !~ /aa-nestfix/;
}
# An edit of our own lines: either all of it is taken back, so that the policy is the old one, or nothing, and the change
# stays in force.
my %edits = (
	'a comment behind a line' => sub { $_[0][$_[1]] .= ' # mine' },
	'other blanks in front' => sub { $_[0][$_[1]] =~ s/^ */\t/ },
	'blanks inside' => sub { $_[0][$_[1]] =~ s/deny /deny   / },
	'a letter less' => sub { $_[0][$_[1]] =~ s/l(x?,)$/$1/ or $_[0][$_[1]] =~ s/ w,$/ a,/ },
	'a letter more' => sub { $_[0][$_[1]] =~ s/,$/r,/ },
	'letters in another order' => sub { $_[0][$_[1]] =~ s/klx,$/lkx,/ },
	'another pattern' => sub { $_[0][$_[1]] =~ s/fdc/fd/g },
	'a line less' => sub { splice @{$_[0]}, $_[1], 1 },
	'a line twice' => sub { splice @{$_[0]}, $_[1], 0, $_[0][$_[1]] },
	'a line as a comment' => sub { $_[0][$_[1]] =~ s/^/# / },
	'a comment between' => sub { splice @{$_[0]}, $_[1], 0, '  # mine' },
	'an empty line between' => sub { splice @{$_[0]}, $_[1], 0, '' },
	'a rule between' => sub { splice @{$_[0]}, $_[1], 0, '  /mine r,' },
	'a deny between' => sub { splice @{$_[0]}, $_[1], 0, '  deny /mine w,' },
	'two lines as one' => sub { splice @{$_[0]}, $_[1], 2, "$_[0][$_[1]] $_[0][$_[1] + 1]" if $_[1] },
	'two lines changed places' => sub { @{$_[0]}[$_[1], $_[1] + 1] = @{$_[0]}[$_[1] + 1, $_[1]] },
	'carriage returns' => sub { $_ .= "\r" for @{$_[0]} },
	'nothing of it' => sub { splice @{$_[0]}, 0, @{$_[0]} },
	'all of it twice' => sub { push @{$_[0]}, @{$_[0]} },
);

sub try_edit {
	my ($name, $at, $fixes) = @_;
	my ($file, $fixed) = ($files[0], "$dir/fixed$fixes");
	@log = ("$name, line $at, after $fixes fixes");
	if (!-d $fixed) {
		fresh($fixed, {map { $_ => $make{$_}{texts}[0] } @files});
		system('cp', '-a', $fixed, "$dir/old") if !-d "$dir/old";
		run('--profiles', '--scope', $_, 'fix') for ('net,ipc', 'user')[0 .. $fixes - 1];
	}
	$root = "$dir/root";
	system('rm', '-rf', $root);
	system('cp', '-a', $fixed, $root);
	my ($head, $block, $tail) = slurp("$root/$file") =~ /\A(.*?\n)(  # aa-nestfix[^\n]*fdc.*? w,\n)(.*)\z/s;
	my @lines = split /\n/, $block;
	return 0 if $at >= @lines;
	$edits{$name}->(\@lines, $at);
	my $edited = $head . join('', map { "$_\n" } @lines) . $tail;
	return 1 if $edited eq $head . $block . $tail;
	spew("$root/$file", $edited);
	my $status = run('rollback', '--all');
	if ($status == 3) {
		fail('refused, and written') if slurp("$root/$file") ne $edited;
		fail('refused without a word of what to do') if slurp("$dir/out") !~ /by hand|put /;
		fail('refused, and not in force') if run('rollback', '--list') || slurp("$dir/out") !~ / in force /;
	} elsif ($status) {
		fail("rollback ended with $status");
	} else {
		fail('"undone", and a line of ours stands there') if slurp("$root/$file") =~ /aa-nestfix|fdcn/;
		fail('"undone", and another policy than before')
			if run("--allow '/mine:rw' prove $dir/old/$top $dir/root/$top");
		fail('"undone", and in force') if run('rollback', '--list') || slurp("$dir/out") =~ / in force /;
	}
	return 1;
}

if ($sequences eq 'edits') {
	my ($n, %tried) = 0;
	for my $name (sort keys %edits) {
		for my $at (0 .. 3) {
			$n += try_edit($name, $at, 1 + $at % 2);
		}
	}
	print "# $n edits\n";
	exit($n < 50);
}

for my $n (1 .. $sequences) {
	@log = ("sequence $n of seed $seed");
	(@changes, %held, %touched) = ();
	%plain = map { $_ => $make{$_}{texts}[rand 2] } @files;
	fresh("$dir/root", \%plain);
	for (1 .. 3 + int rand 6) {
		my $step = int rand 10;
		$step < 4 ? fix() : $step < 7 ? rollback() : $step == 7 ? edit() : $step == 8 ? upgrade() : run('check');
		agree();
	}
	if (rand() < 0.5) {
		run('rollback', '--all');
	} else {
		run('rollback', splice(@changes, rand @changes, 1)->{id}) == 0 || fail('refused') while @changes;
	}
	@changes = ();
	narrow();
	agree();
	for my $file (grep { !$touched{$_} } @files) {
		my @st = stat "$root/$file";
		fail("$file has other attributes") if ($st[2] & 07777) != 0640 || $st[9] != 1500000000;
	}
}
print "# $sequences sequences of seed $seed\n";
