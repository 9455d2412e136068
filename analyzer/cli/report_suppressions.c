/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_suppressions.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli_common.h"

static struct suppression_list *suppressions(struct report_settings *settings)
{
    if (settings->suppressions == NULL)
        settings->suppressions = suppression_list_new();
    return settings->suppressions;
}

void report_suppressions_read(struct report_settings *settings, const char *path)
{
    struct error error = {.code = VMT_OK};
    if (suppressions(settings) == NULL)
        error_no_memory(&error);
    else
        suppression_list_read(settings->suppressions, path, &error);
    if (error.code != VMT_OK)
        cli_usage_error("--suppressions: %s", error.message);
}

void report_suppressions_generate(struct report_settings *settings, const char *format)
{
    if (format == NULL || strcmp(format, "valgrind") == 0 || strcmp(format, "all") == 0 ||
        strcmp(format, "yes") == 0)
        settings->generate = &suppressions_valgrind;
    else if (strcmp(format, "lsan") == 0)
        settings->generate = &suppressions_lsan;
    else if (strcmp(format, "no") == 0)
        settings->generate = NULL;
    else
        cli_usage_error("--gen-suppressions=%s: it may be valgrind or lsan", format);
}

void report_suppressions_place(struct report_settings *settings)
{
    if (settings->generate == NULL)
        return;
    const char *format = settings->renderer->name;
    if (!settings->format_chosen) {
        settings->renderer = settings->generate;
        settings->generate = NULL;
    } else if (strcmp(format, "valgrind-xml") == 0 &&
               settings->generate == &suppressions_valgrind) {
        settings->render.suppressions = true;
        settings->generate = settings->gate.verdict ? settings->generate : NULL;
    } else if (strcmp(format, "valgrind") != 0 && strcmp(format, "check") != 0 &&
               !settings->gate.verdict) {
        cli_usage_error("--gen-suppressions goes alone, with --verdict or with --format=valgrind, "
                        "valgrind-xml or check, not with --format=%s",
                        settings->renderer->name);
    }
}

void report_suppressions_finish(struct report_settings *settings)
{
    if (!settings->renderer->findings && !settings->gate.asked)
        return;
    if (!suppressions(settings) ||
        suppression_list_add_library_caches(settings->suppressions, NULL) != VMT_OK) {
        cli_error("out of memory");
        exit(CLI_UNREADABLE);
    }
}
