/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of unknown origin (paths, symbol names, arguments are bytes, not text)
 * made safe for a terminal and for JSON.
 */
#ifndef VMTRACE_UTF8_H
#define VMTRACE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Decodes the character at `text`, which has `size` > 0 bytes.  Returns its length in bytes (1
 * to 4), or 0 when the bytes are not UTF-8 (overlong forms and surrogates are not). */
size_t utf8_decode(const char *text, size_t size, uint32_t *character);

/* Writes `text` so that it cannot steer a terminal: control characters, invalid bytes and
 * characters that reverse the writing direction become \n, \xNN or \u{NNNN}.  Without `utf8`
 * everything beyond ASCII is written as \xNN.  Cut with an ellipsis after `columns` characters
 * (0: never).  Returns the number of columns written. */
size_t utf8_write_escaped(FILE *out, const char *text, size_t columns, bool utf8);

/* A malloc'd copy in which each invalid byte is U+FFFD; NULL when out of memory. */
char *utf8_clean(const char *text);

#endif
