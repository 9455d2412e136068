/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the case that argv[1] names; --list names all, each with its source file. */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "leak_case.h"

extern const struct leak_case *const __start_leak_cases[], *const __stop_leak_cases[];

static char executable[PATH_MAX];

const char *leak_folder(void)
{
    static char folder[PATH_MAX];
    if (!folder[0])
        strcpy(folder, dirname(executable));
    return folder;
}

static int list_cases(void)
{
    for (const struct leak_case *const *one = __start_leak_cases; one < __stop_leak_cases; one++)
        printf("%s %s\n", (*one)->name, (*one)->source);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CASE | --list\n", argv[0]);
        return 2;
    }
    if (!strcmp(argv[1], "--list"))
        return list_cases();
    if (readlink("/proc/self/exe", executable, sizeof executable - 1) < 0)
        return 2;
    for (const struct leak_case *const *one = __start_leak_cases; one < __stop_leak_cases; one++) {
        if (strcmp((*one)->name, argv[1]))
            continue;
        (*one)->run();
        leak_clear_stack();
        return 0;
    }
    fprintf(stderr, "%s: no case %s\n", argv[0], argv[1]);
    return 2;
}
