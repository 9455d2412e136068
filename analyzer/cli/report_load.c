/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_load.h"

#include "base/error.h"
#include "cli/cli_common.h"
#include "cli/report_progress.h"
#include "model/parent_shelf.h"
#include "model/trace_model.h"
#include "symbol/symbolizer.h"

enum { BINARIES_KEPT = 16 }; /* from one process to the next */

bool report_loader_init(struct report_loader *loader, const struct report_settings *settings)
{
    *loader = (struct report_loader){
        .settings = settings, .parents = parent_shelf_new(), .builtin = suppression_list_new()};
    return loader->parents && loader->builtin &&
           suppression_list_add_builtin(loader->builtin, NULL) == VMT_OK;
}

void report_loader_release(struct report_loader *loader)
{
    symbolizer_free(loader->symbolizer);
    parent_shelf_free(loader->parents);
    suppression_list_free(loader->builtin);
}

/* Findings, and nothing else of a process. */
static bool is_about_findings(const struct report_settings *settings)
{
    return settings->renderer->findings && !settings->renderer->per_process;
}

/* Names cost much more than all the rest, and most processes of a test suite have nothing to
 * name. */
static bool is_worth_names(const struct report_settings *settings, const struct report *report)
{
    unsigned classes = settings->render.leak_classes | settings->gate.gate.classes;
    for (size_t i = 0; i < report->leak_count; i++)
        if (classes & RENDER_LEAK_BIT(report->leaks[i].class))
            return true;
    return report->error_count > 0;
}

static struct report *build_report(const struct report_settings *settings,
                                   const struct trace_model *model, struct report_options *options)
{
    options->findings_only = is_about_findings(settings);
    options->resolve = !options->findings_only;
    struct report *report = report_new(model, options);
    if (options->resolve || !report || !is_worth_names(settings, report))
        return report;
    report_free(report);
    options->resolve = true;
    return report_new(model, options);
}

/* One for all findings: libc's debug information takes 50 ms to unpack.  Not for reports that stand
 * alone, which tell what was wrong with their own binaries. */
static struct symbolizer *share_symbolizer(struct report_loader *loader,
                                           const struct symbolizer_options *options)
{
    if (!loader->settings->renderer->findings)
        return NULL;
    if (loader->symbolizer && symbolizer_binaries(loader->symbolizer) > BINARIES_KEPT) {
        symbolizer_free(loader->symbolizer);
        loader->symbolizer = NULL;
    }
    if (!loader->symbolizer)
        loader->symbolizer = symbolizer_new(options);
    return loader->symbolizer;
}

static enum vmt_error read_model(const struct report_loader *loader, struct trace_model *model,
                                 const char *path, struct report_progress *progress,
                                 struct error *error)
{
    const struct trace_progress watch = {report_progress_step, progress};
    if (loader->settings->read_parent)
        trace_model_want_parent(model);
    if (is_about_findings(loader->settings)) {
        trace_model_skip_faults(model);
        trace_model_share_parents(model, loader->parents);
    }
    return trace_model_read(model, path, error, &watch);
}

static struct report *report_model(struct report_loader *loader, const struct trace_model *model,
                                   struct report_progress *progress)
{
    const struct report_settings *settings = loader->settings;
    const struct symbolizer_options symbols = {
        .sysroot = settings->sysroot,
        .debug_dirs = (const char *const *)settings->debug_dirs,
        .same_machine = settings->sysroot == NULL,
    };
    struct report_options options = {.symbols = &symbols,
                                     .symbolizer = share_symbolizer(loader, &symbols),
                                     .progress = report_progress_step,
                                     .progress_context = progress,
                                     .suppressions = settings->suppressions,
                                     .builtin = loader->builtin};
    return build_report(settings, model, &options);
}

struct report *report_loader_load(struct report_loader *loader, const char *path, bool *is_trace)
{
    struct error error = {.code = VMT_OK};
    struct report_progress progress;
    struct report *report = NULL;
    struct trace_model *model = trace_model_new();
    *is_trace = false;
    if (model == NULL) {
        cli_error("%s: out of memory", path);
        return NULL;
    }
    report_progress_begin(&progress, path);
    enum vmt_error code = read_model(loader, model, path, &progress, &error);
    if (code == VMT_OK)
        report = report_model(loader, model, &progress);
    report_progress_erase(&progress);
    trace_model_free(model);
    *is_trace = code == VMT_OK || (code >= VMT_ERROR_EMPTY && code != VMT_ERROR_NOT_TRACE);
    if (report == NULL)
        cli_error("%s: %s", path, code == VMT_OK ? "out of memory" : error.message);
    return report;
}
