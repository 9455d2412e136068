/* SPDX-License-Identifier: Apache-2.0 */
/* Where this program is, and with it what was installed beside it. */
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cli/driver_run.h"

bool driver_self(char path[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length > 0) {
        path[length] = '\0';
        return true;
    }
    /* Without /proc: as execve was told, from the directory that is still the current one. */
    const char *told = (const char *)getauxval(AT_EXECFN);
    return told && realpath(told, path);
}
