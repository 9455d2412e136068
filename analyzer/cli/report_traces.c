/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_traces.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli_common.h"

static _Noreturn void no_memory(void)
{
    cli_error("out of memory");
    exit(CLI_UNREADABLE);
}

/* Takes over the path. */
static void append(struct report_traces *traces, char *path)
{
    char **more = reallocarray(traces->paths, traces->count + 1, sizeof(*more));
    if (!more || !path)
        no_memory();
    traces->paths = more;
    more[traces->count++] = path;
}

/* A folder that several users may write to could hold a pipe. */
static int is_trace(const struct dirent *entry)
{
    const char *suffix = strrchr(entry->d_name, '.');
    return (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) && suffix &&
           (strcmp(suffix, ".vmt") == 0 || strcmp(suffix, ".vmtz") == 0);
}

static void append_folder(struct report_traces *traces, const char *folder)
{
    struct dirent **entries;
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    int count = scandir(folder, &entries, is_trace, versionsort);
    if (count <= 0) {
        cli_error("%s: %s", folder, count ? strerror(errno) : "no *.vmt is in this directory");
        exit(CLI_UNREADABLE);
    }
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s%s%s", folder, slash, entries[i]->d_name) < 0)
            no_memory();
        append(traces, path);
        free(entries[i]);
    }
    free(entries);
}

void report_traces_gather(struct report_traces *traces, char **operands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct stat status;
        if (stat(operands[i], &status) == 0 && S_ISDIR(status.st_mode))
            append_folder(traces, operands[i]);
        else
            append(traces, strdup(operands[i]));
    }
}

void report_traces_release(struct report_traces *traces)
{
    for (size_t i = 0; i < traces->count; i++)
        free(traces->paths[i]);
    free(traces->paths);
}
