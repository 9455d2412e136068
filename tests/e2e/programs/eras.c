/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two libraries take turns at one place in memory:
 *     eras FIRST SECOND ROUNDS [libc|PATH]
 * Each round opens FIRST, calls its run(), closes it, then the same with SECOND.  `libc`: closes
 * them by libc's own function, as libc does.  PATH: opens both under that name, in turns.
 * Writes how many of the rounds had both at the same address.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile kept;
static int (*close_library)(void *) = dlclose;
static const char *alias;

static __attribute__((noinline)) void *visit(const char *path)
{
    void *(*run)(void);
    if (alias) {
        unlink(alias);
        if (symlink(path, alias))
            _exit(72);
        path = alias;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        _exit(70);
    *(void **)&run = dlsym(library, "run");
    kept = run();
    close_library(library);
    return (void *)run;
}

int main(int argc, char **argv)
{
    char line[64];
    int same = 0;
    if (argc < 4)
        return 2;
    if (argc > 4 && strcmp(argv[4], "libc") == 0)
        *(void **)&close_library = dlsym(dlopen("libc.so.6", RTLD_LAZY), "dlclose");
    else if (argc > 4)
        alias = argv[4];
    for (int i = 0; i < atoi(argv[3]); i++) {
        const void *first = visit(argv[1]);
        same += first == visit(argv[2]);
    }
    int length = snprintf(line, sizeof(line), "%d\n", same);
    return write(1, line, (size_t)length) == length ? 0 : 71;
}
