#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0-or-later
# picture.pl: a recording of a terminal (standard input) as a picture (SVG, standard output). Commands stand out; long lines go on
# in the next one, as a terminal of 100 columns shows them.
use strict;
use warnings;
use open qw(:std :encoding(UTF-8));

my (@lines, $height);
while (my $text = <STDIN>) {
	chomp $text;
	my $style = $text =~ /^\$ / ? ' fill="#7ee787" font-weight="bold"' : $text =~ /^\+/ ? ' fill="#aff5b4"' : '';
	do {
		my $part = substr($text, 0, 100, '');
		$part =~ s/&/&amp;/g;
		$part =~ s/</&lt;/g;
		$part =~ s/>/&gt;/g;
		my $y = 30 + 19 * @lines;
		push @lines, qq{<text x="16" y="$y"$style xml:space="preserve">$part</text>\n};
	} while (length $text);
}
$height = 35 + 19 * @lines;
print qq{<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 $height" font-family="DejaVu Sans Mono, Menlo, monospace" },
	qq{font-size="14" fill="#e6edf3" role="img" aria-labelledby="t">\n},
	qq{<title id="t">docker run fails in a container; aa-nestfix fix; docker run works</title>\n},
	qq{<rect width="880" height="$height" rx="8" fill="#0d1117"/>\n}, @lines, "</svg>\n";
