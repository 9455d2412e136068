/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building short texts in a buffer of the caller's, without stdio (whose functions may
 * allocate and take locks).  What does not fit is cut; the text is always NUL-terminated.
 */
#ifndef VMTRACE_TEXT_H
#define VMTRACE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Invariant: length < size and buffer[length] == 0. */
struct text {
    char *buffer;
    size_t size;
    size_t length;
};

void text_init(struct text *text, char *buffer, size_t size);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t count);
void text_add_number(struct text *text, uint64_t number);
/* Knows %s %.*s %d %u %lu %zu %% only. */
void text_format(struct text *text, const char *format, va_list arguments);

/* What an errno means, for the errors that opening and writing files give. */
const char *text_errno(int error);

/* The number at `string` (decimal, up to the first other character). */
uint64_t text_number(const char *string);

#endif
