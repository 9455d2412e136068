/* SPDX-License-Identifier: Apache-2.0 */
#include "render/renderer.h"

#include <string.h>

#include "render/findings_render.h"

static const struct renderer renderers[] = {
    {"text", true, text_render, NULL, false},
    {"json", false, json_render, NULL, false},
    {"folded", true, folded_render, NULL, false},
    {"check", true, NULL, check_render, false},
    {"valgrind", true, NULL, valgrind_render, true},
    {"valgrind-xml", false, NULL, valgrind_xml_render, true},
    {"junit", true, NULL, junit_render, false},
    {"sarif", true, NULL, sarif_render, false},
    {"gitlab", true, NULL, gitlab_render, false},
    {"github", true, NULL, github_render, false},
    {"markdown", true, NULL, markdown_render, false},
};

static const char *const metric_names[] = {
    [RENDER_METRIC_ALLOCATED] = "allocated", [RENDER_METRIC_ALLOCATIONS] = "allocations",
    [RENDER_METRIC_LEAKED] = "leaked",       [RENDER_METRIC_PEAK] = "peak",
    [RENDER_METRIC_TEMPORARY] = "temporary", [RENDER_METRIC_FAULTS] = "faults",
    [RENDER_METRIC_RESIDENT] = "resident",
};

const struct renderer *renderer_next(size_t *position)
{
    if (*position >= sizeof(renderers) / sizeof(renderers[0]))
        return NULL;
    return &renderers[(*position)++];
}

const struct renderer *renderer_find(const char *name)
{
    size_t position = 0;
    const struct renderer *renderer;
    while ((renderer = renderer_next(&position)) != NULL)
        if (strcmp(renderer->name, name) == 0)
            return renderer;
    return NULL;
}

int render_metric_find(const char *name)
{
    for (size_t i = 0; i < sizeof(metric_names) / sizeof(metric_names[0]); i++)
        if (strcmp(metric_names[i], name) == 0)
            return (int)i;
    return -1;
}
