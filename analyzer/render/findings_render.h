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

/* One in valgrind's form.  False: there is none for this kind of finding, or without a stack. */
bool finding_suppress(const struct finding *finding, FILE *out);

/* Of the classes that the user wants to see. */
bool finding_is_listed(const struct finding *finding, const struct render_options *options);

/* What a verdict on many processes has to say: what a process that could not be checked had not
 * freed says nothing, and whether memory grows is told to those who ask (--fail-on=growth). */
bool finding_is_told(const struct finding *finding, const struct render_options *options);

/* A line that can be found: relative paths of system libraries are those of who built them. */
bool finding_has_line(const struct report_frame *frame);

/* Where a reader shall look first. */
struct finding_location {
    const char *path; /* as source_path has it */
    int line;         /* 0: the path is that of a binary */
};

/* The line of finding_place, else the binary of the finding's frames, else the program.  `path` is
 * NULL if not even that is known. */
struct finding_location finding_locate(const struct finding_set *set,
                                       const struct finding *finding);

/* "frame one (file.c:12)", ...: the stack below each other, `indent` before each, and then those
 * of the block's allocation and release.  To be freed; NULL when out of memory. */
char *finding_stacks_text(struct arena *arena, const struct finding *finding, const char *indent);

#endif
