/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of source files, for showing one below a stack frame.  The last few
 * hundred asked for are kept, so a site that comes up in every section costs
 * one reading.
 */
#ifndef VMTRACE_SOURCE_LINES_H
#define VMTRACE_SOURCE_LINES_H

struct source_lines;

/* NULL only when out of memory. */
struct source_lines *source_lines_new(void);
void source_lines_free(struct source_lines *lines);

/* Line `line` (from 1) of `file` without the white space around it, cut after 400 bytes.  NULL
 * when `file` is not an absolute path of a regular file that can be read, has fewer lines, or
 * the line is blank.  Valid until the next call. */
const char *source_lines_get(struct source_lines *lines, const char *file, int line);

#endif
