/* SPDX-License-Identifier: Apache-2.0 */
/* vmtrace-report: traces in, reports out. */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli_common.h"
#include "cli/report_gate.h"
#include "cli/report_load.h"
#include "cli/report_options.h"
#include "cli/report_output.h"
#include "cli/report_pattern.h"

/* Opening FILE for writing would destroy the trace that it names. */
static void refuse_own_input(const struct report_settings *settings, const char *path)
{
    struct stat output, trace;
    if (path == NULL || stat(path, &output) != 0)
        return;
    for (size_t i = 0; i < settings->traces.count; i++)
        if (stat(settings->traces.paths[i], &trace) == 0 && trace.st_dev == output.st_dev &&
            trace.st_ino == output.st_ino && S_ISREG(output.st_mode))
            cli_usage_error("--output=%s is the trace %s itself; it would be overwritten", path,
                            settings->traces.paths[i]);
}

static void choose_look(struct report_settings *settings)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool to_stdout = settings->output == NULL || strcmp(settings->output, "-") == 0;
    settings->render.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (settings->color == REPORT_COLOR_AUTO)
        settings->render.color = to_stdout && isatty(STDOUT_FILENO) &&
                                 (no_color == NULL || *no_color == '\0') &&
                                 !(term && strcmp(term, "dumb") == 0);
    else
        settings->render.color = settings->color == REPORT_COLOR_ALWAYS;
    struct winsize window;
    if (to_stdout && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0)
        settings->render.columns = window.ws_col;
}

/* Between the reports of several traces in one text. */
static void write_heading(const struct report_settings *settings, FILE *out, size_t number,
                          bool first)
{
    if (settings->traces.count == 1 || settings->renderer->render != text_render)
        return;
    fprintf(out, "%s%s==== trace %zu of %zu ====%s\n", first ? "" : "\n\n",
            settings->render.color ? "\033[1;36m" : "", number + 1, settings->traces.count,
            settings->render.color ? "\033[0m" : "");
}

/* One line, whatever is missing. */
static void tell_damage(const char *path, const struct report *report)
{
    char line[1024];
    int used = 0;
    for (size_t i = 0; i < report->damage_count && used < (int)sizeof(line); i++)
        used += snprintf(line + used, sizeof(line) - (size_t)used, "%s%s", i ? "; " : "",
                         report->notes[i]);
    if (used > 0)
        cli_error("%s: %s", path, line);
}

/* Where the report of this process goes: a file of its own, or behind those before it.  False: a
 * message was printed. */
static bool open_output(const struct report_settings *settings, const char *own,
                        struct report_output *output)
{
    if (own || !output->stream)
        return report_output_open(output, own ? own : settings->output);
    if (settings->renderer->concatenates)
        return true;
    cli_error("--format=%s makes a document for each process: name --output=FILE with %%p in it",
              settings->renderer->name);
    return false;
}

static bool write_one(const struct report_settings *settings, const struct report_gate *gate,
                      const struct report *report, size_t number, struct report_output *output,
                      int *status)
{
    bool first = output->stream == NULL, good;
    char *own = settings->output_each ? report_pattern_expand(settings->output, report->pid) : NULL;
    if (settings->output_each && !own)
        return false;
    refuse_own_input(settings, own);
    if (!open_output(settings, own, output)) {
        *status = CLI_UNREADABLE;
        free(own);
        return true;
    }
    if (!own)
        write_heading(settings, output->stream, number, first);
    if (settings->renderer->per_process)
        good = report_gate_render_one(gate, report, output->stream);
    else
        good = settings->renderer->render(report, &settings->render, output->stream);
    if (own && !report_output_close(output, good))
        *status = CLI_UNREADABLE;
    free(own);
    return good;
}

/* False when out of memory. */
static bool report_one(const struct report_settings *settings, struct report_gate *gate,
                       const struct report *report, size_t number, struct report_output *output,
                       int *status)
{
    if (!report_gate_add(gate, report))
        return false;
    if (settings->renderer->findings && !settings->renderer->per_process)
        return true;
    /* Valgrind, too, tells of a process what it was last. */
    if (settings->renderer->per_process && settings->traces.count > 1 &&
        report->end == REPORT_END_EXEC)
        return true;
    return write_one(settings, gate, report, number, output, status);
}

/* Goes on to the next trace when one cannot be read. */
static bool report_all(const struct report_settings *settings, struct report_gate *gate,
                       struct report_output *output, struct report_loader *loader, int *status)
{
    for (size_t i = 0; i < settings->traces.count; i++) {
        bool is_trace;
        struct report *report = report_loader_load(loader, settings->traces.paths[i], &is_trace);
        bool opened = output->stream != NULL;
        if (report == NULL) {
            if (!settings->gate.gate.lenient)
                *status = CLI_UNREADABLE;
            if (!report_gate_add_unread(gate, settings->traces.paths[i], is_trace))
                return false;
            continue;
        }
        bool good = report_one(settings, gate, report, i, output, status);
        tell_damage(settings->traces.paths[i], report);
        report_free(report);
        if (!good)
            return false;
        if (*status != CLI_OK && !opened && !output->stream && !settings->renderer->findings)
            return true; /* there is nowhere to write to */
    }
    return true;
}

/* Reports all traces that can be read; the exit status. */
static int run(const struct report_settings *settings)
{
    struct report_output output = {0};
    struct report_gate gate;
    struct report_loader loader;
    int status = CLI_OK, verdict = CLI_OK;
    report_gate_begin(&gate, settings);
    bool complete = report_loader_init(&loader, settings) &&
                    report_all(settings, &gate, &output, &loader, &status);
    report_loader_release(&loader);
    if (complete)
        verdict = report_gate_finish(&gate);
    if (complete && settings->renderer->findings && !settings->renderer->per_process) {
        if (report_output_open(&output, settings->output))
            complete = report_gate_render(&gate, output.stream);
        else
            status = CLI_UNREADABLE;
    }
    if (!complete) {
        cli_error("out of memory; the report is not complete");
        status = CLI_UNREADABLE;
    }
    if (output.stream && !report_output_close(&output, complete))
        status = CLI_UNREADABLE;
    report_gate_release(&gate);
    return verdict != CLI_OK && verdict != CLI_UNREADABLE ? verdict
           : status != CLI_OK                             ? status
                                                          : verdict;
}

/* What is there is kept.  False: a message was printed. */
static bool may_write(const char *path)
{
    struct report_output output = {0};
    if (!path || strcmp(path, "-") == 0)
        return true;
    return report_output_open(&output, path) && report_output_close(&output, false);
}

/* Any pid does: what matters is the folder. */
static bool may_write_output(const struct report_settings *settings)
{
    if (!settings->output_each)
        return may_write(settings->output);
    char *path = report_pattern_expand(settings->output, (uint32_t)getpid());
    bool good = path && may_write(path);
    free(path);
    return good;
}

/* So that nobody learns of a mistake in the last option when all tests have run. */
static int try_options(const struct report_settings *settings)
{
    struct report_gate gate;
    report_gate_begin(&gate, settings);
    report_gate_release(&gate);
    bool good = may_write_output(settings) && may_write(settings->gate.save_baseline);
    return good ? CLI_OK : CLI_UNREADABLE;
}

int main(int argc, char **argv)
{
    struct report_settings settings;
    cli_init("vmtrace-report");
    report_options_parse(&settings, argc, argv);
    if (!settings.output_each)
        refuse_own_input(&settings, settings.output);
    choose_look(&settings);
    int status = settings.dry_run ? try_options(&settings) : run(&settings);
    report_options_release(&settings);
    return status;
}
