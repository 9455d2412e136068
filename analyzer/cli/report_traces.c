/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_traces.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <vmtrace/trace_format.h>

#include "cli/cli_common.h"
#include "reader/first_chunk.h"

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

static void append_entry(struct report_traces *traces, const char *folder, const char *name)
{
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    char *path = NULL;
    if (asprintf(&path, "%s%s%s", folder, slash, name) < 0)
        no_memory();
    append(traces, path);
}

/* Those whose first chunk is elsewhere (first_chunk.h) may be there only. */
static int scan_first(const char *folder, struct dirent ***entries)
{
    char *below = NULL;
    if (asprintf(&below, "%s/" VMT_CHECK_FIRST, folder) < 0)
        no_memory();
    int count = scandir(below, entries, is_trace, versionsort);
    free(below);
    if (count < 0)
        *entries = NULL;
    return count > 0 ? count : 0;
}

/* Another trace, of the same name as one in the folder. */
static void append_below(struct report_traces *traces, const char *folder, const char *name)
{
    char *below = NULL;
    if (asprintf(&below, "%s/" VMT_CHECK_FIRST, folder) < 0)
        no_memory();
    append_entry(traces, below, name);
    free(below);
}

/* By another user's pipe, say, where the rest of the trace would be. */
static bool is_obstructed(const char *folder, const char *name)
{
    struct stat status;
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        no_memory();
    bool obstructed = lstat(path, &status) == 0 && !S_ISREG(status.st_mode);
    free(path);
    return obstructed;
}

static void append_folder(struct report_traces *traces, const char *folder)
{
    struct dirent **here, **first = NULL;
    int count = scandir(folder, &here, is_trace, versionsort);
    int problem = count < 0 ? errno : 0, others = problem ? 0 : scan_first(folder, &first);
    if (problem || count + others == 0) {
        cli_error("%s: %s", folder, problem ? strerror(problem) : "no *.vmt is in this directory");
        exit(CLI_UNREADABLE);
    }
    for (int i = 0, j = 0; i < count || j < others;) {
        int order = i == count    ? 1
                    : j == others ? -1
                                  : strverscmp(here[i]->d_name, first[j]->d_name);
        const char *name = order > 0 ? first[j]->d_name : here[i]->d_name;
        if (order > 0 && is_obstructed(folder, name))
            append_below(traces, folder, name);
        else
            append_entry(traces, folder, name);
        if (order == 0 && first_chunk_is_here(traces->paths[traces->count - 1]))
            append_below(traces, folder, name);
        if (order <= 0)
            free(here[i++]);
        if (order >= 0)
            free(first[j++]);
    }
    free(first);
    free(here);
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
