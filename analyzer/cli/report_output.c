/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli_common.h"

/* For the signal handler: what must not be left lying about. */
static char *volatile unfinished;

static void drop_unfinished(int number)
{
    char *path = unfinished;
    if (path)
        unlink(path);
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct sigaction action;
        /* What the caller ignores (nohup) stays ignored. */
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL)
            signal(signals[i], drop_unfinished);
    }
}

static bool fail(struct report_output *output, const char *path)
{
    cli_error("cannot write %s: %s", path, strerror(errno));
    free(output->path);
    free(output->temporary);
    *output = (struct report_output){0};
    return false;
}

/* mkstemp makes files private; a report is as readable as any other new file, or as the one
 * that it replaces. */
static void set_mode(int fd, const struct stat *old)
{
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, old ? old->st_mode & 07777 : 0666 & ~mask) != 0)
        return; /* a file system without modes */
}

static bool open_temporary(struct report_output *output, const char *path, const struct stat *old)
{
    output->path = realpath(path, NULL);
    if (output->path == NULL)
        output->path = strdup(path);
    if (output->path == NULL || asprintf(&output->temporary, "%s.XXXXXX", output->path) < 0) {
        output->temporary = NULL;
        errno = ENOMEM;
        return false;
    }
    int fd = mkstemp(output->temporary);
    if (fd < 0)
        return false;
    unfinished = output->temporary;
    watch_signals();
    set_mode(fd, old);
    output->stream = fdopen(fd, "w");
    return output->stream != NULL;
}

bool report_output_open(struct report_output *output, const char *path)
{
    struct stat status;
    *output = (struct report_output){.given = path};
    if (path == NULL || strcmp(path, "-") == 0) {
        output->stream = stdout;
        return true;
    }
    bool exists = stat(path, &status) == 0;
    if (exists && !S_ISREG(status.st_mode))
        output->stream = fopen(path, "we");
    else
        open_temporary(output, path, exists ? &status : NULL);
    return output->stream ? true : fail(output, path);
}

/* Gives the complete file its name. */
static bool publish(const struct report_output *output)
{
    if (!output->exclusive)
        return rename(output->temporary, output->path) == 0;
    return renameat2(AT_FDCWD, output->temporary, AT_FDCWD, output->path, RENAME_NOREPLACE) == 0 ||
           /* a file system that cannot do that */
           (errno == EINVAL && rename(output->temporary, output->path) == 0);
}

bool report_output_close(struct report_output *output, bool keep)
{
    FILE *stream = output->stream;
    if (stream == stdout)
        return true; /* checked at exit */
    errno = 0;
    bool written = fflush(stream) == 0 && !ferror(stream);
    int reason = errno ? errno : EIO;
    if (fclose(stream) != 0 && written) {
        reason = errno;
        written = false;
    }
    const char *path = output->path ? output->path : output->given;
    if (output->temporary && (!keep || !written)) {
        unlink(output->temporary);
    } else if (output->temporary && !publish(output)) {
        reason = errno;
        written = false;
        unlink(output->temporary);
    }
    unfinished = NULL;
    if (!written)
        cli_error("cannot write %s: %s", path, strerror(reason));
    free(output->temporary);
    free(output->path);
    *output = (struct report_output){0};
    return written;
}
