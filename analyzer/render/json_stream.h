/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One large JSON object written piece by piece: a trace may have a hundred
 * thousand sites of a hundred frames, which is no tree to keep in memory.
 *
 *     json_stream_begin(&stream, out);
 *     json_stream_member(&stream, "summary", json_pack(...));
 *     json_stream_open(&stream, "leaks", '[');
 *     json_stream_item(&stream, json_pack(...));
 *     json_stream_close(&stream, ']');
 *     ok = json_stream_end(&stream);
 */
#ifndef VMTRACE_JSON_STREAM_H
#define VMTRACE_JSON_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_stream {
    FILE *out;
    bool failed; /* a value could not be made: out of memory */
    bool empty;  /* nothing yet in the innermost array or object */
    unsigned depth;
};

void json_stream_begin(struct json_stream *stream, FILE *out);
bool json_stream_end(struct json_stream *stream);

/* Write `value` and release it; NULL counts as out of memory. */
void json_stream_member(struct json_stream *stream, const char *key, json_t *value);
void json_stream_item(struct json_stream *stream, json_t *value);

/* An array or object as a member, or, without a key, as an item; `bracket` is one of [ { and ] }.
 */
void json_stream_open(struct json_stream *stream, const char *key, char bracket);
void json_stream_close(struct json_stream *stream, char bracket);

/* Adds a member to *object and takes the value over.  When anything is NULL for want of memory,
 * *object becomes (and stays) NULL: one check at the end is enough. */
void json_add(json_t **object, const char *key, json_t *value);

/* Values.  null for REPORT_UNKNOWN and what JSON's integers here (63 bits) cannot hold. */
json_t *json_count(uint64_t count);
/* null for NULL; invalid UTF-8 is replaced by U+FFFD. */
json_t *json_text(const char *text);

#endif
