/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hook lxc: liblxc calls it when it has loaded a container's generated profile and before its init runs (start-host).
 * Whatever goes wrong here must not keep the container from starting: one line on stderr, which is LXC's log, and exit
 * status 0. No journal and no lock: nothing but the kernel's copy of one profile changes, until the container stops.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include <nestfix/cache.h>

#include "app.h"

/* Longer than a busy host needs while all its containers start, shorter than the 90 s after which systemd gives up. */
enum { HOOK_SECONDS = 60, HOOK_INPUT = 1 << 20 };

#define RUN_PVE "/run/pve"

/* What liblxc says: by arguments under hook version 0, by the environment under version 1 (conf.c run_script_argv). */
struct start {
	struct slice name;
	struct slice lxcpath; /* empty: it is not told */
	const char *type;
};

/* Proxmox shows these lines to whoever starts the guest (PVE::LXC print_ct_warn_log); NULL: it is no guest. */
static const char *warnings;

static void give_up(int signum)
{
	static const char words[] = "aa-nestfix: gave up after 60 s: the container keeps the profile that LXC wrote\n";
	int fd = warnings ? open(warnings, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC) : -1;

	(void)signum;
	if (write(STDERR_FILENO, words, sizeof words - 1) < 0 || (fd >= 0 && write(fd, words, sizeof words - 1) < 0))
		_exit(0);
	_exit(0);
}

/* liblxc logs what a hook says where nobody looks, so it is said to Proxmox and in the journal as well. */
static void tell(struct app *app, struct slice name, const struct err *trouble)
{
	AUTOBUF line = { 0 };
	enum fsio_kind kind;

	if (geteuid() != 0)
		return;
	buf_adds(&line, "aa-nestfix: ");
	report_show(&line, slice_of(trouble->text));
	if (app->root.live)
		syslog(LOG_DAEMON | LOG_WARNING, "%s", buf_str(&line));
	buf_addc(&line, '\n');
	if (pve_is_vmid(name) && fsio_kind(&app->root, RUN_PVE, &kind, NULL) == 0 && kind == FSIO_DIR) {
		AUTOCLOSE fd =
		    fsio_open(&app->root, arena_printf(&app->arena, RUN_PVE "/ct-%.*s.warnings", SLICE_FMT(name)),
			      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, NULL);

		if (fd >= 0 && write(fd, line.ptr, line.len) < 0)
			report_note(&app->report, "cannot write to " RUN_PVE);
	}
}

static struct slice parent_of(struct slice path)
{
	size_t end = path.len;

	while (end > 0 && path.ptr[end - 1] != '/')
		end--;
	while (end > 1 && path.ptr[end - 1] == '/')
		end--;
	return slice_sub(path, 0, end);
}

static void read_start(struct app *app, struct start *out)
{
	const char *name = getenv("LXC_NAME"), *config = getenv("LXC_CONFIG_FILE"), *type = getenv("LXC_HOOK_TYPE");

	if (!name && app->arg_count > 1)
		name = app->args[1];
	if (!type && app->arg_count > 3)
		type = app->args[3];
	*out = (struct start){ .name = slice_of(name ? name : ""), .type = type ? type : "" };
	/* a configuration that stands elsewhere (lxc-start -f) does not tell */
	if (config && slice_ends(slice_of(config), arena_printf(&app->arena, "/%s/config", name ? name : "")))
		out->lxcpath = parent_of(parent_of(slice_of(config)));
}

/*
 * The generated text in force, or NULL: the container has none, or with err. Where the lxcpath is not told, the default
 * ones are tried. Where it is, another container of that name is none of ours.
 */
static const char *find_text(struct app *app, struct container *c, struct err *err)
{
	bool told = c->lxcpath.len > 0;
	struct slice paths[] = { told ? c->lxcpath : SLICE("/var/lib/lxc"), { 0 } };
	struct file file;
	enum fsio_kind kind;

	if (!told && fsio_kind(&app->root, "/etc/lxc/lxc.conf", &kind, NULL) == 0 && kind == FSIO_FILE &&
	    fsio_read(&app->root, "/etc/lxc/lxc.conf", HOOK_INPUT, &app->arena, &file, NULL) == 0)
		paths[1] = lxc_path_of(file.bytes, &app->arena);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct slice text = lxc_profile_file(c->name, paths[i], &app->arena);
		const char *path = arena_printf(&app->arena, "%.*s/%.*s/apparmor/%.*s", SLICE_FMT(paths[i]),
						SLICE_FMT(c->name), SLICE_FMT(text));

		if (!slice_starts(paths[i], "/") || fsio_kind(&app->root, path, &kind, err) < 0 || kind != FSIO_FILE)
			continue;
		err_clear(err);
		c->lxcpath = paths[i];
		return path;
	}
	return NULL;
}

/* What one cure is made from. */
struct cure {
	struct app *app;
	const struct site *site;
};

/* Stays empty where nothing is to be cured. */
static int make_cure(void *ctx, struct slice *out, struct err *err)
{
	struct cure *cure = ctx;
	struct app *app = cure->app;
	const struct compiler *compiler;
	struct finding finding;
	struct proof_policy *policies;
	struct proof *proof;
	struct patch patch;
	size_t count;

	*out = SLICE("");
	if (locate(&finding, cure->site, app_judge(app), app->scopes, app->scope_count, &app->arena, err) < 0 ||
	    rewrite(&patch, cure->site, &finding, &app->arena, err) < 0)
		return -1;
	if (patch.file_count == 0)
		return 0;
	/* where the kernel does not show what it holds: liblxc has just loaded this text */
	patch.reload = discover_loaded(cure->site, &cure->site->policies[0]->policy)->state == LOADED_HIDDEN;
	for (size_t i = 0; i < patch.file_count; i++)
		if (patch.files[i].kind != PATCH_LIVE)
			return err_put(err, ERR_REFUSED, "cannot cure the profile: '%s' must be cured first",
				       patch_path(&patch.files[i]));
	compiler = judge_compiler(app_judge(app), err);
	if (!compiler)
		return -1;
	if (prove_patch(&proof, &patch, compiler, &app->arena, &policies, &count, err) < 0)
		return -1;
	*out = policies[0].new_blob;
	return 0;
}

/* All that the parser opens for it: includes, and what an abi statement names. */
static void add_policy(struct app *app, const struct policy *policy, struct cache_key *key)
{
	struct policy_reach reach;

	policy_reach(&reach, policy->from, policy->sources[0], &app->arena);
	for (size_t i = 0; i < reach.count; i++) {
		const struct policy_part *part = &reach.parts[i];

		cache_key_add(key, slice_of(part->path));
		cache_key_add(key, part->source ? part->source->doc.text : SLICE(""));
	}
}

/* What is in force: the cure keeps what it gives back, and was proved for it alone. */
static void add_in_force(const struct site *site, const struct policy *policy, struct cache_key *key)
{
	const struct loaded_policy *loaded = discover_loaded(site, policy);
	const struct conflict_scope **held;
	size_t count;

	for (size_t i = 0; i < loaded->piece_count; i++)
		cache_key_add(key, loaded->pieces[i]);
	held = discover_held(site, policy, &count);
	for (size_t i = 0; i < count; i++)
		cache_key_add(key, held[i]->name);
}

static int load(struct app *app, const struct site *site, struct slice blob, struct err *err)
{
	const struct policy *policy = &site->policies[0]->policy;
	bool hidden = discover_loaded(site, policy)->state == LOADED_HIDDEN;
	struct record_of record;
	struct kernel kernel;

	if (hidden && record_drop(&app->root, policy->path, err) < 0)
		return -1;
	kernel_open(&kernel, &app->root, NULL, &app->arena);
	if (kernel_load(&kernel, blob, err) < 0)
		return -1;
	record = discover_record(site, policy);
	return hidden ? record_write(&app->root, &record, &app->conflict, blob, err) : 0;
}

static int cure(struct app *app, const struct site *site, struct err *err)
{
	struct cure cure = { app, site };
	AUTOKEY key = { 0 };
	struct slice blob;
	bool made;

	cache_key_add(&key, app->conflict_bytes);
	for (size_t i = 0; i < app->scope_count; i++)
		cache_key_add(&key, app->scopes[i]->name);
	cache_key_add(&key, SLICE(NESTFIX_VERSION));
	compile_identity(&app->root, app->parser, app->features, &key);
	add_policy(app, &site->policies[0]->policy, &key);
	add_in_force(site, &site->policies[0]->policy, &key);
	if (cache_take(&app->root, &key, 0, make_cure, &cure, &blob, &made, &app->arena, err) < 0)
		return -1;
	return blob.len > 0 ? load(app, site, blob, err) : 0;
}

int app_hook_cure(struct app *app, struct container *c, struct err *err)
{
	struct site site = { 0 };
	int status = -1;

	if (geteuid() != 0)
		return err_put(err, ERR_REFUSED, "the profile of '%.*s' stays as it is: only root may load policy",
			       SLICE_FMT(c->name));
	c->generated = find_text(app, c, err);
	if (!c->generated)
		return err_is_set(err) ? err_wrap(err, "container '%.*s'", SLICE_FMT(c->name)) : 0;
	if (app_conflict(app, err) == 0 &&
	    discover_generated(&site, &app->root, &app->conflict, c, app->pool, &app->arena, err) == 0)
		status = cure(app, &site, err);
	return status < 0 ? err_wrap(err, "container '%.*s'", SLICE_FMT(c->name)) : 0;
}

static int hook_lxc(struct app *app, const struct start *start, struct err *err)
{
	struct container c = { .kind = CONTAINER_LXC, .origin = CONTAINER_GENERATED, .running = true };
	const char *pid = getenv("LXC_PID");

	if (start->name.len == 0)
		return err_put(err, ERR_USAGE, "hook lxc is called by liblxc, with LXC_NAME set");
	if (strcmp(start->type, "start-host") != 0)
		return 0;
	if (memchr(start->name.ptr, '/', start->name.len) || slice_is(start->name, "..") || slice_is(start->name, "."))
		return err_put(err, ERR_REFUSED, "cannot take '%.*s' for the name of a container",
			       SLICE_FMT(start->name));
	c.name = start->name;
	c.lxcpath = start->lxcpath;
	c.pid = pid ? (int)strtol(pid, NULL, 10) : 0;
	return app_hook_cure(app, &c, err);
}

/* Ends the process, as if all were well, after the time that a hook may take. */
static void limit_time(struct app *app, struct slice name)
{
	struct sigaction action = { .sa_handler = give_up };

	if (pve_is_vmid(name))
		warnings = root_path(
		    &app->root, arena_printf(&app->arena, RUN_PVE "/ct-%.*s.warnings", SLICE_FMT(name)), &app->arena);
	sigaction(SIGALRM, &action, NULL);
	alarm(HOOK_SECONDS);
}

int cmd_hook(struct app *app, struct err *err)
{
	bool pve = app->arg_count > 0 && strcmp(app->args[0], "pve") == 0;
	struct start start = { .name = slice_of(pve && app->arg_count > 1 ? app->args[1] : "") };
	int status;

	if (!pve && (app->arg_count == 0 || strcmp(app->args[0], "lxc") != 0))
		return err_put(err, ERR_USAGE, "hook needs to know who calls: aa-nestfix hook lxc, hook pve");
	if (!pve)
		read_start(app, &start);
	limit_time(app, start.name);
	status = pve ? hook_pve(app, err) : hook_lxc(app, &start, err);
	if (status < 0)
		tell(app, start.name, err);
	return status;
}
