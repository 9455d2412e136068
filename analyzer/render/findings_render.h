/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats that other programs read: build servers, code hosts, test dashboards.
 *
 * Each writes the findings that `options.leak_classes` lists (errors always); those that trip the
 * gate are failures, others notes.  Like renderers, they never open, flush or close the stream.
 */
#ifndef VMTRACE_FINDINGS_RENDER_H
#define VMTRACE_FINDINGS_RENDER_H

#include "gate/finding.h"
#include "render/renderer.h"

typedef bool findings_render(const struct finding_set *set, const struct render_options *options,
                             FILE *out);

/* Several processes in one file. */
findings_render junit_render, sarif_render, gitlab_render, github_render, markdown_render,
    check_render;

/* Of the only process in the set. */
findings_render valgrind_render, valgrind_xml_render;

/* Suppressions for what is listed, each once, by one of the renderers that make them of a report.
 */
bool findings_suppress(const struct renderer *generate, const struct finding_set *set,
                       const struct render_options *options, FILE *out);

bool finding_is_listed(const struct finding *finding, const struct render_options *options);

/* `file` relative to where the sources are (GITHUB_WORKSPACE, CI_PROJECT_DIR, else the current
 * directory), if it lies there; else as it is.  A pointer into `file`. */
const char *finding_relative_path(const char *file);

/* "frame one (file.c:12)", ...: the stack below each other, `indent` before each.  NULL when out
 * of memory. */
char *finding_stack_text(struct arena *arena, const struct finding_stack *stack,
                         const char *indent);

#endif
