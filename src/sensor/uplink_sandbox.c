/* SPDX-License-Identifier: Apache-2.0 */
/* Confines the uplink process: user, Landlock, seccomp. */
#include "sensor/uplink_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sensor/capabilities.h"

#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_ACCESS                                                                \
    (READ_ACCESS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     LANDLOCK_ACCESS_FS_MAKE_REG)
#define HANDLED_ACCESS                                                                           \
    (WRITE_ACCESS | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                 \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static bool become(const char *name, struct error *error)
{
    const struct passwd *user = getpwnam(name);
    if (!user)
        return error_set(error, "uplink: there is no user %s", name);
    if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        return error_system(error, "uplink: cannot become %s", name);
    return true;
}

/* What does not exist on this system is passed over. */
static void allow(int ruleset, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = { .allowed_access = access };
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return;
    (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

static bool restrict_files(const char *directory, const char *spool, struct error *error)
{
    struct landlock_ruleset_attr attributes = { .handled_access_fs = HANDLED_ACCESS };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (ruleset < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP ? true : error_system(error, "uplink: Landlock");
    allow(ruleset, directory, WRITE_ACCESS); /* the certificate is renewed */
    allow(ruleset, spool, WRITE_ACCESS);
    allow(ruleset, "/etc", READ_ACCESS);         /* resolv.conf, hosts, nsswitch.conf, openssl */
    allow(ruleset, "/run/systemd", READ_ACCESS); /* where resolv.conf may point */
    allow(ruleset, "/lib", READ_ACCESS | LANDLOCK_ACCESS_FS_EXECUTE); /* modules of the resolver */
    allow(ruleset, "/usr/lib", READ_ACCESS | LANDLOCK_ACCESS_FS_EXECUTE);
    allow(ruleset, "/usr/share", READ_ACCESS);
    allow(ruleset, "/dev", READ_ACCESS);
    bool ok = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    ok = ok ? true : error_system(error, "uplink: Landlock");
    close(ruleset);
    return ok;
}

/* Calls that nothing between spool and network needs, and that an intruder would. */
static const int refused_calls[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(bpf),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(kexec_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(acct),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
};

static bool restrict_calls(struct error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = filter != NULL;
    for (size_t i = 0; ok && i < COUNT_OF(refused_calls); i++)
        ok = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused_calls[i], 0) == 0;
    ok = ok && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok ? true : error_set(error, "uplink: seccomp cannot be set up");
}

bool uplink_sandbox_enter(const char *user, const char *directory, const char *spool, bool confine,
                          struct error *error)
{
    if (user && geteuid() == 0 && !become(user, error))
        return false;
    if (confine && !capabilities_drop(error))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return error_system(error, "uplink: prctl");
    return !confine || (restrict_files(directory, spool, error) && restrict_calls(error));
}
