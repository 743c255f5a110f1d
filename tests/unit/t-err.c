/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "../lib/tap.h"

static void first_error_wins(void)
{
	struct err e = { 0 };

	is_num(err_put(&e, ERR_REFUSED, "cannot %s", "one"), -1, "err_put returns -1");
	err_put(&e, ERR_FAILED, "cannot two");
	is_text(slice_of(e.text), "cannot one", "the first error wins");
	is_num(err_status(e.kind), 3, "a refusal is exit status 3");
	err_hint(&e, "try this");
	err_hint(&e, "try that");
	is_text(slice_of(e.hint), "try this", "the first hint wins");
	err_wrap(&e, "in '%s'", "x");
	is_text(slice_of(e.text), "in 'x': cannot one", "err_wrap puts its text in front");
	err_raise(&e, ERR_BROKEN);
	err_raise(&e, ERR_REFUSED);
	is_num(err_status(e.kind), 5, "err_raise only makes worse");
	err_clear(&e);
	ok(!err_is_set(&e), "a cleared error is none");
}

static void keeps_errno(void)
{
	struct err e = { 0 };

	errno = ENOSPC;
	err_errno(&e, "cannot write '%s'", "f");
	is_text(slice_of(e.text), "cannot write 'f': No space left on device", "err_errno adds the reason");
	is_num(e.errnum, ENOSPC, "err_errno keeps errno");
}

static void names_the_place(void)
{
	struct err e = { 0 };

	err_at(&e, ERR_FAILED, "f", 3, 7, "bad");
	is_text(slice_of(e.text), "f:3:7: bad", "file, line, column");
	err_clear(&e);
	err_at(&e, ERR_FAILED, "f", 0, 7, "bad");
	is_text(slice_of(e.text), "f: bad", "no line, no column");
}

static void cuts_long_texts(void)
{
	struct err e = { 0 };
	char *text = malloc(9000);

	if (!text)
		exit(1);
	memset(text, 'x', 8999);
	text[8999] = '\0';
	err_put(&e, ERR_FAILED, "%s", text);
	ok(slice_ends(slice_of(e.text), "xxx..."), "a long text ends in dots");
	err_wrap(&e, "y");
	ok(slice_starts(slice_of(e.text), "y: xxx") && slice_ends(slice_of(e.text), "..."), "also after a wrap");
	free(text);
}

int main(void)
{
	first_error_wins();
	keeps_errno();
	names_the_place();
	cuts_long_texts();
	is_num(err_put(NULL, ERR_FAILED, "x"), -1, "NULL is legal");
	err_wrap(NULL, "x");
	err_hint(NULL, "x");
	return tap_done();
}
