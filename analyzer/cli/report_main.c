/* SPDX-License-Identifier: Apache-2.0 */
/* vmtrace-report: traces in, reports out. */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli_common.h"
#include "cli/report_options.h"
#include "cli/report_output.h"
#include "cli/report_progress.h"
#include "model/trace_model.h"
#include "symbol/symbolizer.h"

/* Opening FILE for writing would destroy the trace that it names. */
static void refuse_own_input(const struct report_settings *settings)
{
    struct stat output, trace;
    if (settings->output == NULL || stat(settings->output, &output) != 0)
        return;
    for (size_t i = 0; i < settings->trace_count; i++)
        if (stat(settings->traces[i], &trace) == 0 && trace.st_dev == output.st_dev &&
            trace.st_ino == output.st_ino && S_ISREG(output.st_mode))
            cli_usage_error("--output=%s is the trace %s itself; it would be overwritten",
                            settings->output, settings->traces[i]);
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

/* NULL: a message was printed. */
static struct report *load_report(const struct report_settings *settings, const char *path)
{
    struct error error = {.code = VMT_OK};
    struct report_progress progress;
    struct trace_model *model = trace_model_new();
    struct report *report = NULL;
    report_progress_begin(&progress, path);
    if (model == NULL) {
        cli_error("%s: out of memory", path);
        return NULL;
    }
    const struct trace_progress watch = {report_progress_step, &progress};
    enum vmt_error code = trace_model_read(model, path, &error, &watch);
    if (code == VMT_OK) {
        const struct symbolizer_options symbols = {
            .sysroot = settings->sysroot,
            .debug_dirs = (const char *const *)settings->debug_dirs,
            .same_machine = settings->sysroot == NULL,
        };
        const struct report_options options = {&symbols, true, report_progress_step, &progress};
        report = report_new(model, &options);
    }
    report_progress_erase(&progress);
    trace_model_free(model);
    if (report == NULL)
        cli_error("%s: %s", path, code == VMT_OK ? "out of memory" : error.message);
    return report;
}

/* Between the reports of several traces in one text. */
static void write_heading(const struct report_settings *settings, FILE *out, size_t number,
                          bool first)
{
    if (settings->trace_count == 1 || settings->renderer->render != text_render)
        return;
    fprintf(out, "%s%s==== trace %zu of %zu ====%s\n", first ? "" : "\n\n",
            settings->render.color ? "\033[1;36m" : "", number + 1, settings->trace_count,
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

/* Reports all traces that can be read; the exit status. */
static int run(const struct report_settings *settings)
{
    struct report_output output = {0};
    int status = CLI_OK;
    bool complete = true;
    for (size_t i = 0; i < settings->trace_count && complete; i++) {
        struct report *report = load_report(settings, settings->traces[i]);
        if (report == NULL) {
            status = CLI_UNREADABLE;
            continue;
        }
        bool first = output.stream == NULL;
        if (first && !report_output_open(&output, settings->output)) {
            report_free(report);
            return CLI_UNREADABLE;
        }
        write_heading(settings, output.stream, i, first);
        complete = settings->renderer->render(report, &settings->render, output.stream);
        tell_damage(settings->traces[i], report);
        report_free(report);
    }
    if (!complete) {
        cli_error("out of memory; the report is not complete");
        status = CLI_UNREADABLE;
    }
    if (output.stream && !report_output_close(&output, complete))
        status = CLI_UNREADABLE;
    return status;
}

int main(int argc, char **argv)
{
    struct report_settings settings;
    cli_init("vmtrace-report");
    report_options_parse(&settings, argc, argv);
    refuse_own_input(&settings);
    choose_look(&settings);
    int status = run(&settings);
    report_options_release(&settings);
    return status;
}
