/* SPDX-License-Identifier: Apache-2.0 */
/* Linked statically; becomes the program `untraced` beside it. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("untraced"));
    if (length < 0)
        return 1;
    path[length] = '\0';
    strcpy(strrchr(path, '/') + 1, "untraced");
    return execl(path, path, (char *)NULL);
}
