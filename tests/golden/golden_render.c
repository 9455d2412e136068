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
    {"text", "text", {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0}},
    {"text-color", "text", {0, ALL_CLASSES, 10, false, true, true, RENDER_METRIC_ALLOCATED, 0, 0}},
    {"text-ascii",
     "text",
     {0, ALL_CLASSES, 10, false, false, false, RENDER_METRIC_ALLOCATED, 0, 0}},
    {"text-all", "text", {0xfff, ALL_CLASSES, 0, true, false, true, RENDER_METRIC_ALLOCATED, 0, 0}},
    {"text-top",
     "text",
     {0xfff, ALL_CLASSES, 1, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0}},
    {"text-none", "text", {RENDER_LEAKS, 0, 10, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0}},
    {"text-wide",
     "text",
     {RENDER_LEAKS | RENDER_FAULTS, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_ALLOCATED,
      150, 0}},
    {"json", "json", {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0}},
    {"json-top", "json", {0, ALL_CLASSES, 1, false, false, true, RENDER_METRIC_ALLOCATED, 0, 1}},
    {"folded", "folded", {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_ALLOCATED, 0, 0}},
    {"folded-leaked",
     "folded",
     {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_LEAKED, 0, 0}},
    {"folded-faults",
     "folded",
     {0, ALL_CLASSES, 10, false, false, true, RENDER_METRIC_FAULTS, 0, 0}},
};

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        const char *what = argv[1];
        bool empty = strncmp(what, "empty-", 6) == 0;
        if (strcmp(variants[i].what, empty ? what + 6 : what) != 0)
            continue;
        const struct report *report = empty ? sample_report_empty() : sample_report(argv[2]);
        const struct renderer *renderer = renderer_find(variants[i].format);
        return renderer && renderer->render(report, &variants[i].options, stdout) ? 0 : 1;
    }
    return 2;
}
