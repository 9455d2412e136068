/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that ld.so's LD_PRELOAD does not reach, told by their files. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <vmtrace/exec_file.h>

#include "cli/driver_run.h"

/* As execvp: PATH unless there is a slash. */
static void find_program(const char *program, char found[PATH_MAX])
{
    const char *path = getenv("PATH");
    found[0] = '\0';
    if (strchr(program, '/')) {
        if (access(program, F_OK) == 0 && strlen(program) < PATH_MAX)
            strcpy(found, program);
        return;
    }
    if (path == NULL)
        path = "/bin:/usr/bin";
    for (const char *at = path;; at++) {
        int length = (int)strcspn(at, ":");
        struct stat status;
        int wanted =
            snprintf(found, PATH_MAX, "%.*s%s%s", length, at, length ? "/" : "./", program);
        if (wanted < PATH_MAX && stat(found, &status) == 0 && S_ISREG(status.st_mode) &&
            access(found, X_OK) == 0)
            return;
        at += length;
        if (*at == '\0')
            break;
    }
    found[0] = '\0';
}

static long call_kernel(long number, long a, long b, long c, long d)
{
    long result = syscall(number, a, b, c, d, 0L); /* prctl looks at the fifth, too */
    return result < 0 ? -errno : result;
}

enum vmt_unfollowed driver_target_judge(const char *program, char found[PATH_MAX])
{
    enum vmt_unfollowed why;
    find_program(program, found);
    return exec_file_judge(call_kernel, AT_FDCWD, found, &why) ? why : VMT_FOLLOWED;
}
