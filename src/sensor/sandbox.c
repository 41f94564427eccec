/* SPDX-License-Identifier: Apache-2.0 */
/* Users, capabilities, Landlock (linux/landlock.h) and seccomp; see sandbox.h. */
#include "sensor/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sensor/capabilities.h"

static bool find_user(const struct sandbox *sandbox, uid_t *uid, gid_t *gid, struct error *error)
{
    const struct passwd *user = getpwnam(sandbox->user);
    if (!user)
        return error_set(error, "unable to get the user ID, check if user exist!! (%s)", sandbox->user);
    *uid = user->pw_uid;
    *gid = user->pw_gid;
    if (!sandbox->group)
        return true;
    const struct group *group = getgrnam(sandbox->group);
    if (!group)
        return error_set(error, "unable to get the group ID, check if group exist!! (%s)", sandbox->group);
    *gid = group->gr_gid;
    return true;
}

bool sandbox_names_user(const char *user, const char *group, struct error *error)
{
    return user || !group ||
           error_set(error, "no user name was provided - ensure it is specified either in the "
                            "configuration file (run-as.user) or in command-line arguments (--user)");
}

static bool become(const struct sandbox *sandbox, struct error *error)
{
    uid_t uid = 0;
    gid_t gid = 0;
    if (!sandbox_names_user(sandbox->user, sandbox->group, error))
        return false;
    if (!sandbox->user)
        return true;
    if (!find_user(sandbox, &uid, &gid, error))
        return false;
    if (geteuid() != 0)
        return getuid() == uid || error_set(error, "only root can become %s", sandbox->user);
    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return error_system(error, "cannot become %s", sandbox->user);
    return true;
}

/* ---- files ---- */

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITES                                                                                   \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_FIFO)
/* Files get their names by moving from one folder to another; kernels of the first version never allow it. */
#define MOVES       LANDLOCK_ACCESS_FS_REFER
#define FILE_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)

static bool allow_path(int rules, const struct sandbox_path *path, uint64_t moves)
{
    int fd = open(path->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT; /* what does not exist needs no right */
    struct landlock_path_beneath_attr allowed = { .parent_fd = fd };
    allowed.allowed_access = path->write ? READS | WRITES | moves : READS;
    bool done = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &allowed, 0) == 0;
    if (!done && errno == EINVAL) {
        /* Rights on directories do not apply to a plain file. */
        allowed.allowed_access &= FILE_RIGHTS;
        done = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &allowed, 0) == 0;
    }
    close(fd);
    return done;
}

static bool restrict_files(const struct sandbox *sandbox, bool *landlock, struct error *error)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    uint64_t moves = version >= 2 ? MOVES : 0;
    const struct landlock_ruleset_attr handled = { .handled_access_fs = READS | WRITES | moves |
                                                                        LANDLOCK_ACCESS_FS_EXECUTE };
    *landlock = false;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP || error_system(error, "landlock");
    bool ok = true;
    for (size_t i = 0; i < sandbox->path_count && ok; i++)
        if (sandbox->paths[i].path && !allow_path(rules, &sandbox->paths[i], moves))
            ok = error_system(error, "landlock: %s", sandbox->paths[i].path);
    if (ok && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        ok = error_system(error, "landlock");
    close(rules);
    *landlock = ok;
    return ok;
}

/* ---- system calls ---- */

static const struct {
    int call;
    const char *reason;
} allowed_calls[] = {
    { SCMP_SYS(read), "capture files, rules at a reload" },
    { SCMP_SYS(pread64), "data sets and images" },
    { SCMP_SYS(readv), "capture files" },
    { SCMP_SYS(write), "events and logs" },
    { SCMP_SYS(writev), "events and logs" },
    { SCMP_SYS(pwrite64), "capture and spool files" },
    { SCMP_SYS(open), "rotation, stored files, reloads; Landlock says where" },
    { SCMP_SYS(openat), "rotation, stored files, reloads; Landlock says where" },
    { SCMP_SYS(close), "rotation" },
    { SCMP_SYS(stat), "rotation, folders of captures" },
    { SCMP_SYS(fstat), "stdio" },
    { SCMP_SYS(lstat), "folders of captures" },
    { SCMP_SYS(newfstatat), "stdio, folders of captures" },
    { SCMP_SYS(statx), "folders of captures" },
    { SCMP_SYS(access), "optional files" },
    { SCMP_SYS(faccessat), "optional files" },
    { SCMP_SYS(faccessat2), "optional files" },
    { SCMP_SYS(lseek), "stdio" },
    { SCMP_SYS(getdents64), "folders of captures" },
    { SCMP_SYS(mkdir), "date patterns, stored files" },
    { SCMP_SYS(mkdirat), "date patterns, stored files" },
    { SCMP_SYS(rename), "stored files get their name when complete" },
    { SCMP_SYS(renameat), "stored files get their name when complete" },
    { SCMP_SYS(renameat2), "stored files get their name when complete" },
    { SCMP_SYS(link), "stored files" },
    { SCMP_SYS(linkat), "stored files" },
    { SCMP_SYS(unlink), "temporary files, captures that were asked to be deleted" },
    { SCMP_SYS(unlinkat), "temporary files" },
    { SCMP_SYS(rmdir), "removal of empty folders" },
    { SCMP_SYS(ftruncate), "spool segments" },
    { SCMP_SYS(fallocate), "spool segments" },
    { SCMP_SYS(fsync), "spool segments" },
    { SCMP_SYS(fdatasync), "spool segments" },
    { SCMP_SYS(flock), "spool directory" },
    { SCMP_SYS(fcntl), "stdio, spool directory" },
    { SCMP_SYS(dup), "stdio" },
    { SCMP_SYS(getcwd), "relative paths" },
    { SCMP_SYS(readlink), "relative paths" },
    { SCMP_SYS(umask), "modes of new files" },
    { SCMP_SYS(fchmod), "modes of new files" },
    { SCMP_SYS(mmap), "memory" },
    { SCMP_SYS(munmap), "memory" },
    { SCMP_SYS(mremap), "memory" },
    { SCMP_SYS(mprotect), "thread stacks, compiled regular expressions" },
    { SCMP_SYS(madvise), "memory" },
    { SCMP_SYS(brk), "memory" },
    { SCMP_SYS(memfd_create), "compiled regular expressions" },
    { SCMP_SYS(sysinfo), "memory" },
    { SCMP_SYS(futex), "locks" },
    { SCMP_SYS(clone), "the thread that loads rules" },
    { SCMP_SYS(clone3), "the thread that loads rules" },
    { SCMP_SYS(set_robust_list), "threads" },
    { SCMP_SYS(get_robust_list), "threads" },
    { SCMP_SYS(rseq), "threads" },
    { SCMP_SYS(sched_yield), "threads" },
    { SCMP_SYS(sched_getaffinity), "number of cores" },
    { SCMP_SYS(sched_setaffinity), "one worker per core" },
    { SCMP_SYS(getpid), "seeds" },
    { SCMP_SYS(gettid), "threads" },
    { SCMP_SYS(getuid), "stdio" },
    { SCMP_SYS(geteuid), "stdio" },
    { SCMP_SYS(getrandom), "seeds" },
    { SCMP_SYS(clock_gettime), "time" },
    { SCMP_SYS(clock_nanosleep), "waiting" },
    { SCMP_SYS(nanosleep), "waiting" },
    { SCMP_SYS(gettimeofday), "time" },
    { SCMP_SYS(poll), "waiting for packets" },
    { SCMP_SYS(ppoll), "waiting for packets" },
    { SCMP_SYS(epoll_wait), "waiting for packets" },
    { SCMP_SYS(epoll_pwait), "waiting for packets" },
    { SCMP_SYS(getsockopt), "kernel drop counters" },
    { SCMP_SYS(setsockopt), "leaving the capture" },
    { SCMP_SYS(recvfrom), "captures" },
    { SCMP_SYS(recvmsg), "captures" },
    { SCMP_SYS(sendto), "events to a unix socket" },
    { SCMP_SYS(socket), "unix sockets only, checked below" },
    { SCMP_SYS(connect), "events to a unix socket" },
    { SCMP_SYS(ioctl), "terminal check of stdio" },
    { SCMP_SYS(rt_sigaction), "signals" },
    { SCMP_SYS(rt_sigprocmask), "signals" },
    { SCMP_SYS(rt_sigreturn), "signals" },
    { SCMP_SYS(sigaltstack), "signals" },
    { SCMP_SYS(tgkill), "abort" },
    { SCMP_SYS(kill), "the parent tells its children" },
    { SCMP_SYS(restart_syscall), "waiting" },
    { SCMP_SYS(prctl), "thread names" },
    { SCMP_SYS(prlimit64), "stack size of threads" },
    { SCMP_SYS(getrusage), "statistics" },
    { SCMP_SYS(uname), "statistics" },
    { SCMP_SYS(exit), "the end of a thread" },
    { SCMP_SYS(exit_group), "the end" },
};

static bool restrict_calls(struct error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return error_set(error, "seccomp: out of memory");
    bool ok = true;
    for (size_t i = 0; i < COUNT_OF(allowed_calls) && ok; i++) {
        if (allowed_calls[i].call == SCMP_SYS(socket)) {
            ok = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_EQ, 1 /* AF_UNIX */)) == 0;
            continue;
        }
        int status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i].call, 0);
        /* A call that this architecture does not have needs no rule. */
        ok = status == 0 || status == -EDOM;
    }
    if (ok)
        ok = seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok || error_set(error, "seccomp: the filter was not accepted");
}

bool sandbox_enter(const struct sandbox *sandbox, bool *landlock, struct error *error)
{
    if (!become(sandbox, error) || !capabilities_drop(error))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_system(error, "no_new_privs");
    return restrict_files(sandbox, landlock, error) && restrict_calls(error);
}
