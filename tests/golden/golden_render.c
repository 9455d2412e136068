/* SPDX-License-Identifier: Apache-2.0 */
/* golden_render WHAT SOURCE: prints one rendering of the sample report. */
#include <stdio.h>
#include <string.h>

#include "render/renderer.h"
#include "sample_report.h"

#define ALL_CLASSES 0x1fu

static const struct {
    const char *what;
    const char *format;
    struct render_options options;
} variants[] = {
    {"text",
     "text",
     {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0, false, false}},
    {"text-color",
     "text",
     {0, ALL_CLASSES, 10, false, true, true, RENDER_METRIC_ALLOCATED, 0, 0, false, false}},
    {"text-ascii",
     "text",
     {0, ALL_CLASSES, 10, false, false, false, RENDER_METRIC_ALLOCATED, 0, 0, false, false}},
    {"text-all",
     "text",
     {0x1fff, ALL_CLASSES, 0, true, false, true, RENDER_METRIC_ALLOCATED, 0, 0, false, false}},
    {"text-top",
     "text",
     {0xfff, ALL_CLASSES, 1, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0, false, false}},
    {"text-none",
     "text",
     {RENDER_LEAKS, 0, 10, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0, false, false}},
    {"text-wide",
     "text",
     {RENDER_LEAKS | RENDER_FAULTS, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_ALLOCATED,
      150, 0, false, false}},
    {"section-leaks",
     "text",
     {RENDER_LEAKS, RENDER_LEAK_BIT(REPORT_LEAK_REACHABLE) - 1, 10, false, false, true,
      RENDER_METRIC_ALLOCATED, 0, 0, false, false}},
    {"growth",
     "text",
     {RENDER_GROWTH | RENDER_MAP, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_ALLOCATED, 0,
      0, false, false}},
    {"growth-ascii",
     "text",
     {RENDER_GROWTH | RENDER_MAP, ALL_CLASSES, 1, false, false, false, RENDER_METRIC_ALLOCATED, 0,
      0, false, false}},
    {"section",
     "text",
     {RENDER_FAULTS, ALL_CLASSES, 0, true, false, true, RENDER_METRIC_ALLOCATED, 0, 0, false,
      false}},
    {"section-ascii",
     "text",
     {RENDER_FAULTS, ALL_CLASSES, 2, false, false, false, RENDER_METRIC_ALLOCATED, 0, 0, false,
      false}},
    {"json",
     "json",
     {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0, false, false}},
    {"json-top",
     "json",
     {0, ALL_CLASSES, 1, false, false, true, RENDER_METRIC_ALLOCATED, 0, 1, false, false}},
    {"folded",
     "folded",
     {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0, false, false}},
    {"folded-leaked",
     "folded",
     {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_LEAKED, 0, 0, false, false}},
    {"folded-faults",
     "folded",
     {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_FAULTS, 0, 0, false, false}},
};

static const struct report *empty_report(const char *source)
{
    (void)source;
    return sample_report_empty();
}

static const struct report *few_faults_report(const char *source)
{
    (void)source;
    return sample_report_few_faults();
}

static const struct report *sampled_away_report(const char *source)
{
    (void)source;
    return sample_report_sampled_away();
}

/* WHAT may begin with one of these: another report, rendered so. */
static const struct {
    const char *prefix;
    const struct report *(*make)(const char *source);
} reports[] = {
    {"empty-", empty_report},
    {"sampled-away-", sampled_away_report},
    {"sampled-", sample_report_sampled},
    {"leaks-none-", sample_report_no_leaks},
    {"leaks-possible-", sample_report_possible},
    {"leaks-", sample_report_leaks},
    {"memory-", sample_report_memory},
    {"faults-few-", few_faults_report},
    {"faults-", sample_report_faults},
    {"", sample_report},
};

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    const char *what = argv[1];
    size_t kind = 0;
    while (strncmp(what, reports[kind].prefix, strlen(reports[kind].prefix)) != 0)
        kind++;
    what += strlen(reports[kind].prefix);
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        if (strcmp(variants[i].what, what) != 0)
            continue;
        const struct report *report = reports[kind].make(argv[2]);
        const struct renderer *renderer = renderer_find(variants[i].format);
        return renderer && renderer->render(report, &variants[i].options, stdout) ? 0 : 1;
    }
    return 2;
}
