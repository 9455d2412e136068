/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/driver_compact.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli_common.h"
#include "cli/report_output.h"
#include "compact/compact_expand.h"
#include "compact/compact_writer.h"
#include "query/process_state.h"
#include "reader/trace_header.h"
#include "render/human.h"

enum { KEY_REMOVE = 0x1000 };

struct settings {
    char **traces;
    const char *output; /* or NULL: named after the trace */
    bool force, remove;
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Write to FILE; of one trace only", 0},
    {"force", 'f', NULL, 0, "Replace a file that exists", 0},
    {"remove", KEY_REMOVE, NULL, 0, "Remove TRACE when the new file is complete", 0},
    {0},
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct settings *settings = state->input;
    switch (key) {
    case 'o':
        settings->output = value;
        return 0;
    case 'f':
        settings->force = true;
        return 0;
    case KEY_REMOVE:
        settings->remove = true;
        return 0;
    case ARGP_KEY_ARGS:
        settings->traces = state->argv + state->next;
        if (settings->output && settings->traces[1])
            cli_usage_error("--output=%s can be given for one trace only", settings->output);
        return 0;
    case ARGP_KEY_NO_ARGS:
        cli_usage_error("no trace was named; usage: %s [OPTION...] TRACE... (--help says more)",
                        state->name);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- names ---- */

static bool ends_with(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length > tail && strcmp(path + length - tail, suffix) == 0;
}

/* app.vmt becomes app.vmtz and back; other names get the suffix.  NULL: out of memory. */
static char *default_output(const char *trace, bool compact)
{
    char *path;
    int size = compact && ends_with(trace, ".vmt") ? asprintf(&path, "%sz", trace)
               : compact                           ? asprintf(&path, "%s.vmtz", trace)
               : ends_with(trace, ".vmtz") ? asprintf(&path, "%.*s", (int)strlen(trace) - 1, trace)
                                           : asprintf(&path, "%s.vmt", trace);
    return size < 0 ? NULL : path;
}

/* ---- one trace ---- */

struct job {
    const char *trace;
    struct source *source;
    struct report_output output;
    struct error error;
    uint64_t size; /* of what was written */
};

static enum vmt_error compact_job(struct job *job)
{
    struct source *written;
    enum vmt_error code = compact_write(job->source, job->output.stream, &job->error);
    if (code != VMT_OK)
        return code;
    if (fflush(job->output.stream) != 0 || ferror(job->output.stream))
        return VMT_OK; /* report_output_close says so */
    code = source_open(job->output.temporary, &written, &job->error);
    if (code != VMT_OK)
        return code;
    job->size = source_size(written);
    return compact_verify(written, job->source, &job->error);
}

static bool expand_write(void *context, uint64_t offset, const uint8_t *bytes, size_t size)
{
    int fd = fileno(context);
    while (size) {
        ssize_t done = pwrite(fd, bytes, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
        offset += (uint64_t)done;
        size -= (size_t)done;
    }
    return true;
}

static enum vmt_error expand_job(struct job *job)
{
    FILE *out = job->output.stream;
    struct source *source = job->source;
    job->source = NULL;
    enum vmt_error code = compact_expand(source, expand_write, out, &job->size, &job->error);
    if (code == VMT_OK && ftruncate(fileno(out), (off_t)job->size) != 0)
        code = error_set(&job->error, VMT_ERROR_READ, "cannot be written: %s", strerror(errno));
    return code;
}

/* A trace is as private as it was. */
static void keep_mode(const struct job *job)
{
    struct stat status;
    if (stat(job->trace, &status) == 0 &&
        fchmod(fileno(job->output.stream), status.st_mode & 07777) != 0)
        return; /* a file system without modes */
}

/* Whether TRACE may go: not while a process is writing it. */
static bool remove_trace(const struct job *job, const struct vmt_file_header *header)
{
    if (process_state_running(header)) {
        cli_error("%s: process %u still writes it; it was not removed", job->trace, header->pid);
        return false;
    }
    if (unlink(job->trace) != 0) {
        cli_error("%s: cannot be removed: %s", job->trace, strerror(errno));
        return false;
    }
    return true;
}

static bool refuse_output(const struct job *job, const char *path, bool force)
{
    struct stat there, trace;
    if (stat(path, &there) != 0)
        return false;
    bool same = stat(job->trace, &trace) == 0 && there.st_dev == trace.st_dev &&
                there.st_ino == trace.st_ino;
    if (same)
        cli_error("%s: it cannot be written over itself", path);
    else if (!S_ISREG(there.st_mode))
        cli_error("%s: is not a regular file", path);
    else if (!force)
        cli_error("%s: exists already (--force replaces it)", path);
    return same || !S_ISREG(there.st_mode) || !force;
}

/* False: a message was printed. */
static bool write_output(struct job *job, const char *path, const struct settings *settings,
                         enum vmt_error (*work)(struct job *job))
{
    if (refuse_output(job, path, settings->force) || !report_output_open(&job->output, path))
        return false;
    job->output.exclusive = !settings->force;
    keep_mode(job);
    uint64_t before = source_size(job->source);
    bool good = work(job) == VMT_OK;
    if (!good)
        cli_error("%s: %s", job->trace, job->error.message);
    if (!report_output_close(&job->output, good) || !good)
        return false;
    cli_error("%s: %s, written to %s: %s", job->trace, human_bytes(before).text, path,
              human_bytes(job->size).text);
    return true;
}

static bool run_job(const struct settings *settings, const char *trace, bool compact)
{
    struct job job = {.trace = trace};
    struct vmt_file_header header = {0};
    char *named = settings->output ? NULL : default_output(trace, compact);
    const char *path = settings->output ? settings->output : named;
    bool good = path != NULL && source_open(trace, &job.source, &job.error) == VMT_OK;
    if (!good)
        cli_error("%s: %s", trace, path ? job.error.message : "out of memory");
    if (good && compact)
        trace_header_read(job.source, &header, NULL); /* compact_write tells what is wrong */
    good = good && write_output(&job, path, settings, compact ? compact_job : expand_job) &&
           (!settings->remove || remove_trace(&job, &header));
    source_free(job.source);
    free(named);
    return good;
}

static int run(int argc, char **argv, const char *description, char *name, bool compact)
{
    const struct argp argp = {options, parse_option, "TRACE...", description, NULL, NULL, NULL};
    struct settings settings = {0};
    argv[0] = name;
    error_t error = argp_parse(&argp, argc, argv, 0, NULL, &settings);
    if (error != 0) {
        cli_error("%s", strerror(error));
        return CLI_UNREADABLE;
    }
    int status = CLI_OK;
    for (char **trace = settings.traces; *trace; trace++)
        if (!run_job(&settings, *trace, compact))
            status = CLI_UNREADABLE;
    return status;
}

int driver_compact(int argc, char **argv)
{
    static char name[] = "vmtrace compact";
    return run(argc, argv,
               "Rewrite traces in a form that is many times smaller and that vmtrace-report "
               "reads as well: TRACE.vmt becomes TRACE.vmtz. Nothing is lost; the new file is "
               "read back and compared before it gets its name.\v"
               "Exit status: 0, 2 bad usage, 3 a trace cannot be read or a file cannot be "
               "written.",
               name, true);
}

int driver_expand(int argc, char **argv)
{
    static char name[] = "vmtrace expand";
    return run(argc, argv,
               "Turn compact traces back into what vmtrace compact was given, byte for byte: "
               "TRACE.vmtz becomes TRACE.vmt.\v"
               "Exit status: 0, 2 bad usage, 3 a trace cannot be read or a file cannot be "
               "written.",
               name, false);
}
