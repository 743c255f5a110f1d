/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies stdin to stdout through doc_parse() and doc_print(): `roundtrip <F | cmp - F` is the law print-parse for one
 * file. With -s it prints a line for each statement that the parser does not understand and each thing that is broken
 * instead, and exits 1 if there is any.
 */
#include <stdio.h>
#include <unistd.h>

#include <nestfix/doc.h>

static int read_all(struct buf *b)
{
	char part[65536];
	ssize_t n;

	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0)
		buf_add(b, part, (size_t)n);
	return n < 0 ? -1 : 0;
}

static bool is_strange(const struct stmt *s)
{
	return s->kind == STMT_OPAQUE || (s->kind == STMT_RULE && s->rule_class == RULE_UNKNOWN);
}

static int survey(const struct doc *doc)
{
	int found = doc->broken_count > 0;

	for (size_t i = 0; i < doc->broken_count; i++)
		printf("%zu:%zu: %s\n", doc->broken[i].line, doc->broken[i].column, doc->broken[i].what);
	for (struct stmt *s = doc->first; s; s = doc_next(s)) {
		if (!is_strange(s))
			continue;
		printf("%zu:%zu: not understood: %.*s\n", s->line, s->column,
		       SLICE_FMT(slice_sub(doc->text, s->span.at, s->span.len)));
		found = 1;
	}
	return found;
}

int main(int argc, char **argv)
{
	AUTOBUF in = { 0 }, out = { 0 };
	AUTOARENA arena = { 0 };
	struct doc doc;

	if (read_all(&in) < 0) {
		perror("roundtrip: cannot read stdin");
		return 2;
	}
	doc_parse(&doc, buf_slice(&in), &arena);
	if (argc > 1 && slice_is(slice_of(argv[1]), "-s"))
		return survey(&doc);
	if (doc_print(&doc, NULL, 0, &out, NULL) < 0)
		return 2;
	fwrite(out.ptr ? out.ptr : "", 1, out.len, stdout);
	return fflush(stdout) == 0 ? 0 : 2;
}
