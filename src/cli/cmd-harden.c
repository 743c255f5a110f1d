/* SPDX-License-Identifier: GPL-2.0-or-later */
/* harden: AppArmor on again where it was switched off to get round the conflict. */
#include "app.h"

typedef VEC(struct harden) harden_vec;
typedef VEC(struct patch_file) file_vec;

struct hardening {
	struct app *app;
	struct look *look;
	VEC(const struct container *) named;
	harden_vec all;
	VEC(struct harden_again) again;
	file_vec files; /* of those that can be switched on again */
};

static int refuse_unknown(struct app *app, const char *name, struct err *err)
{
	struct slice node = container_node(&app->root, slice_of(name), &app->arena);

	if (node.len > 0) {
		err_put(err, ERR_REFUSED, "cannot change container %s: it is on the node '%.*s'", name,
			SLICE_FMT(node));
		return err_hint(err, "run the same on that node");
	}
	err_put(err, ERR_USAGE, "cannot find the container '%s'", name);
	return err_hint(err, "see '%s check' for those of this host", app->report.self);
}

int app_container(struct app *app, const struct look *look, const char *name, const struct container **out,
		  struct err *err)
{
	const char *path = strchr(name, '/') ? discover_path(&app->root, name, &app->arena, err) : name;

	if (!path || container_find(&look->site.host, slice_of(path), out, err) < 0)
		return -1;
	if (*out)
		return 0;
	if (look->site.host.pve_manager.len > 0 && !look->site.host.pve_is_mounted && pve_is_vmid(slice_of(name))) {
		err_put(err, ERR_REFUSED, "cannot find guest %s: /etc/pve is not mounted", name);
		return err_hint(err, "start it: systemctl start pve-cluster");
	}
	return refuse_unknown(app, name, err);
}

static bool is_wanted(const struct hardening *h, const struct container *c)
{
	for (size_t i = 0; i < h->named.len; i++)
		if (h->named.ptr[i] == c)
			return true;
	return h->named.len == 0;
}

int app_config_text(struct app *app, const struct container *c, struct slice *out, struct err *err)
{
	struct file file;

	if (fsio_read(&app->root, c->config, LXC_FILE_LIMIT, &app->arena, &file, err) < 0)
		return -1;
	*out = file.bytes;
	return 0;
}

/* What a text of its configuration would lead to; *answer stays empty where that is no profile at all. */
static enum harden_state foresee(struct hardening *h, struct harden *one, struct slice text,
				 struct verdict_answer *answer)
{
	struct policy_reader reader = discover_reader(&h->app->root);
	struct container *after = ARENA_NEW(&h->app->arena, struct container);
	const struct look *look = h->look;
	struct err trouble = { 0 };
	struct verdict v = { 0 };
	enum harden_state state;

	*answer = (struct verdict_answer){ 0 };
	if (harden_after(after, &look->site.host, &h->app->root, one->container, text, &reader, &h->app->arena,
			 &trouble) < 0) {
		one->why = arena_str(&h->app->arena, slice_of(trouble.text));
		return HARDEN_REFUSED;
	}
	one->profile = after->profile;
	state = harden_judge(&look->site, &look->finding, after);
	if (state == HARDEN_STILL_OFF || state == HARDEN_NO_PROFILE)
		return state;
	if (app_foresee(h->app, look, after, &v, &trouble) < 0) {
		one->why = arena_str(&h->app->arena, slice_of(trouble.text));
		return HARDEN_REFUSED;
	}
	*answer = v.next;
	return v.next.word == VERDICT_WORKS   ? HARDEN_CURED
	       : v.next.ruled && !v.next.need ? HARDEN_UNCURED
					      : HARDEN_REFUSED;
}

static const char *refusal(struct hardening *h, const struct harden *one, const struct verdict_answer *answer)
{
	const struct container *c = one->container;

	if (answer->broken)
		return arena_printf(&h->app->arena, "with AppArmor on, %s: mend or remove that line", answer->why);
	if (answer->word == VERDICT_UNKNOWN)
		return arena_printf(&h->app->arena, "with AppArmor on, %s", answer->why);
	if (!answer->need)
		return "with AppArmor on, nobody knows what would become of it";
	if (c->kind == CONTAINER_PVE && !c->pve.next.nesting)
		return arena_printf(&h->app->arena,
				    "with AppArmor on, and nesting off, Docker would stop; type: %s, then harden it "
				    "again",
				    report_pct_nesting(c, &h->app->arena));
	return arena_printf(&h->app->arena, "its profile %.*s would refuse what Docker needs: %.*s",
			    SLICE_FMT(one->profile), SLICE_FMT(answer->need->text));
}

/* What it would lose; or, as no name helps there, that it would not start. */
static void judge_unblamed(struct hardening *h, struct harden *one, struct slice text)
{
	struct verdict_answer answer;

	foresee(h, one, one->file.new_, &answer);
	one->state = HARDEN_UNBLAMED;
	one->broken = answer.broken;
	one->refused = harden_refused(one->container, answer.profile, &h->app->arena);
	one->why = answer.broken ? refusal(h, one, &answer) : harden_uses(one->container->config, text, &h->app->arena);
}

/* A working container is not made worse: its next start is asked before a line is taken out. */
static void judge(struct hardening *h, struct harden *one, struct slice text)
{
	struct verdict_answer answer = { 0 };
	struct patch_file other;

	one->why = harden_forbidden(&h->look->site.host, one->container, &h->app->arena);
	one->state = HARDEN_REFUSED;
	if (one->why)
		return;
	if (h->named.len == 0 && !one->container->blamed && !one->container->docker) {
		judge_unblamed(h, one, text);
		return;
	}
	one->state = foresee(h, one, one->file.new_, &answer);
	if (one->state != HARDEN_CURED && !one->why && answer.word == VERDICT_STOPPED && one->profile.len > 0 &&
	    harden_generate(&other, one->container, text, &h->app->arena)) {
		enum harden_state state = foresee(h, one, other.new_, &answer);

		one->generated = state == HARDEN_CURED || state == HARDEN_UNCURED;
		one->file = one->generated ? other : one->file;
		one->state = state;
	}
	if (one->state == HARDEN_REFUSED && !one->why)
		one->why = refusal(h, one, &answer);
	if (one->state == HARDEN_CURED && one->file.edit_count > 0)
		VEC_PUSH(&h->app->arena, &h->files, one->file);
}

static void find_again(struct hardening *h, const struct container *c)
{
	struct policy_reader reader = discover_reader(&h->app->root);
	struct harden_again *list;
	struct slice text;
	size_t count;

	if ((c->kind != CONTAINER_LXC && c->kind != CONTAINER_PVE) || app_config_text(h->app, c, &text, NULL) < 0)
		return;
	count = harden_again(&list, &h->look->site.host, c, text, &reader, &h->app->arena);
	for (size_t i = 0; i < count; i++)
		VEC_PUSH(&h->app->arena, &h->again, list[i]);
}

static int look_at(struct hardening *h, const struct container *c, struct err *err)
{
	struct harden one;
	struct slice text;

	if (!is_wanted(h, c))
		return 0;
	find_again(h, c);
	if (!c->lxc.unconfined && !c->hidden) {
		if (!err_is_set(&c->err))
			return 0;
		if (h->app->arg_count > 0) {
			*err = c->err;
			return -1;
		}
		report_note(&h->app->report, "skipped: %s", c->err.text);
		return 0;
	}
	if (app_config_text(h->app, c, &text, err) < 0)
		return -1;
	if (!harden_find(&one, c, text, &h->app->arena))
		return 0;
	judge(h, &one, text);
	VEC_PUSH(&h->app->arena, &h->all, one);
	return 0;
}

static int refuse_all(const struct hardening *h, struct err *err)
{
	const struct harden *one = &h->all.ptr[0];
	const char *self = h->app->report.self;
	struct slice name = one->container->title;

	switch (one->state) {
	case HARDEN_UNCURED:
		err_put(err, ERR_REFUSED, "cannot switch AppArmor on again in '%.*s': runc would stop in its profile",
			SLICE_FMT(name));
		return err_hint(err, "run '%s fix' first, then '%s harden' again", self, self);
	case HARDEN_STILL_OFF:
		err_put(err, ERR_REFUSED,
			"cannot switch AppArmor on again in '%.*s': an included file switches it off, too",
			SLICE_FMT(name));
		return err_hint(err, "see which one above; other containers may read it, so change it by hand");
	case HARDEN_NO_PROFILE:
		err_put(err, ERR_REFUSED,
			"cannot switch AppArmor on again in '%.*s': no policy file has its profile '%.*s'",
			SLICE_FMT(name), SLICE_FMT(one->profile));
		return err_hint(err, "name another one: %s fix --profile-for=%.*s", self, SLICE_FMT(name));
	case HARDEN_UNBLAMED:
		if (one->broken)
			break;
		err_put(err, ERR_REFUSED, "cannot tell why AppArmor is off in '%.*s': nothing in it speaks of Docker",
			SLICE_FMT(name));
		return err_hint(err, "to switch it on again all the same, name it: %s harden %.*s", self,
				SLICE_FMT(name));
	case HARDEN_CURED:
	case HARDEN_REFUSED:
		break;
	}
	return err_put(err, ERR_REFUSED, "cannot switch AppArmor on again in '%.*s': %s", SLICE_FMT(name),
		       one->why ? one->why : "none of its lines can be taken out");
}

int app_config_commit(struct app *app, const struct patch_file *files, size_t count, struct receipt *receipt,
		      struct err *err)
{
	struct config_proof *proof;
	struct undo_ground ground;
	struct compiler compiler;
	struct kernel kernel;

	app_ground(app, &ground);
	if (config_prove(&proof, files, count, &app->conflict, &app->arena, err) < 0 ||
	    app_compiler(app, &compiler, err) < 0)
		return -1;
	kernel_open(&kernel, &app->root, NULL, &app->arena);
	if (commit_config(proof, &compiler, &kernel, &ground, app->lock, &app->arena, receipt, err) < 0)
		return -1;
	app_done(app, receipt, arena_printf(&app->arena, "change %s is in force", receipt->backup_id));
	return 0;
}

static size_t count_unblamed(const struct hardening *h)
{
	size_t count = 0;

	for (size_t i = 0; i < h->all.len; i++)
		count += h->all.ptr[i].state == HARDEN_UNBLAMED;
	return count;
}

static int look_at_all(struct hardening *h, struct err *err)
{
	const struct container_host *host = &h->look->site.host;
	const struct container *c;

	for (size_t i = 0; i < h->app->arg_count; i++)
		if (app_container(h->app, h->look, h->app->args[i], &c, err) < 0)
			return -1;
		else
			VEC_PUSH(&h->app->arena, &h->named, c);
	for (size_t i = 0; i < host->count; i++)
		if (look_at(h, &host->list[i], err) < 0)
			return -1;
	return 0;
}

/* Rules that somebody commented out come back; *out stays NULL where there are none. */
static int restore(struct hardening *h, const struct report_restored **out, struct err *err)
{
	struct report_restored *restored = ARENA_NEW(&h->app->arena, struct report_restored);
	struct receipt *receipt = ARENA_NEW(&h->app->arena, struct receipt);
	struct plan *plan = ARENA_NEW(&h->app->arena, struct plan);
	const struct compiler *compiler;
	struct kernel kernel;
	const struct look *look = h->look;

	if (h->named.len > 0 || look->finding.opened_count == 0)
		return 0;
	compiler = judge_compiler(app_judge(h->app), err);
	if (!compiler || app_check_absent(h->app, err) < 0)
		return -1;
	plan->compiler = *compiler;
	if (rewrite_restore(&plan->patch, &look->site, &look->finding, &h->app->arena, err) < 0 ||
	    app_prove(h->app, plan, err) < 0)
		return -1;
	*restored = (struct report_restored){ &plan->patch, plan->policies, plan->policy_count, plan->proof, NULL };
	report_restored(&h->app->report, restored);
	if (!app_is_agreed(h->app, "Write this change? [y/N] "))
		return err_put(err, ERR_REFUSED, "nothing was changed: the answer was no");
	kernel_open(&kernel, &h->app->root, NULL, &h->app->arena);
	if (app_commit(h->app, plan, &kernel, receipt, err) < 0)
		return -1;
	restored->receipt = receipt;
	report_restored(&h->app->report, restored);
	*out = restored;
	return 0;
}

static int harden(struct hardening *h, struct err *err)
{
	const struct report *report = &h->app->report;
	const struct report_restored *restored = NULL;
	struct report_harden found;
	struct receipt receipt;

	if (look_at_all(h, err) < 0 || restore(h, &restored, err) < 0)
		return -1;
	found = (struct report_harden){ restored, h->all.ptr, h->all.len, h->again.ptr, h->again.len };
	report_harden(report, &found);
	if (h->all.len == 0) {
		report_hardened(report, &found, NULL, 0, NULL);
		return 0;
	}
	if (h->files.len == 0 && restored) {
		report_hardened(report, &found, NULL, 0, NULL);
		return 1;
	}
	if (h->files.len == 0)
		return refuse_all(h, err);
	report_config_diff(report, h->files.ptr, h->files.len);
	if (!app_is_agreed(h->app, "Write this change? [y/N] "))
		return err_put(err, ERR_REFUSED, "nothing %swas changed: the answer was no", restored ? "else " : "");
	if (app_config_commit(h->app, h->files.ptr, h->files.len, &receipt, err) < 0)
		return -1;
	report_hardened(report, &found, h->files.ptr, h->files.len, &receipt);
	return h->files.len + count_unblamed(h) < h->all.len;
}

int cmd_harden(struct app *app, struct err *err)
{
	struct look look;
	struct hardening h = { .app = app, .look = &look };
	int status = -1;

	if (app_recover(app, err) < 0)
		return -1;
	if (app_look(app, NULL, 0, &look, err) == 0 && discover_knows_host(&look.site, err) == 0)
		status = harden(&h, err);
	return status;
}
