/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls after which the trace may be out of reach by its path: chroot, and giving up
 * privileges.  Before the real call the file is opened once more and that descriptor is kept
 * (trace_file_hold); no other program has one of ours.
 */
#include "interpose.h"
#include "trace_file.h"

#include <sys/types.h>
#include <unistd.h>

#define WRAP(name, parameters, arguments)                                                          \
    static int(*real_##name) parameters;                                                           \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        int(*next) parameters = REAL(name);                                                        \
        trace_file_hold();                                                                         \
        return next arguments;                                                                     \
    }

WRAP(chroot, (const char *path), (path))
WRAP(setuid, (uid_t user), (user))
WRAP(seteuid, (uid_t user), (user))
WRAP(setreuid, (uid_t real, uid_t effective), (real, effective))
WRAP(setresuid, (uid_t real, uid_t effective, uid_t saved), (real, effective, saved))
WRAP(setgid, (gid_t group), (group))
WRAP(setegid, (gid_t group), (group))
WRAP(setregid, (gid_t real, gid_t effective), (real, effective))
WRAP(setresgid, (gid_t real, gid_t effective, gid_t saved), (real, effective, saved))

void interpose_privilege_resolve(void)
{
    RESOLVE(chroot);
    RESOLVE(setuid);
    RESOLVE(seteuid);
    RESOLVE(setreuid);
    RESOLVE(setresuid);
    RESOLVE(setgid);
    RESOLVE(setegid);
    RESOLVE(setregid);
    RESOLVE(setresgid);
}
