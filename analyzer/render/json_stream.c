/* SPDX-License-Identifier: Apache-2.0 */
#include "render/json_stream.h"

#include <stdlib.h>

#include "query/report.h"
#include "render/utf8.h"

static void separate(struct json_stream *stream)
{
    if (!stream->empty)
        fputc(',', stream->out);
    fputc('\n', stream->out);
    stream->empty = false;
    for (unsigned i = 0; i < stream->depth; i++)
        fputs("  ", stream->out);
}

/* A write error shows in ferror(out), which our caller asks; only memory is our concern. */
static void write_value(struct json_stream *stream, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (text)
        fputs(text, stream->out);
    else
        stream->failed = true;
    free(text);
    json_decref(value);
}

void json_stream_begin(struct json_stream *stream, FILE *out)
{
    *stream = (struct json_stream){.out = out, .empty = true, .depth = 1};
    fputc('{', out);
}

bool json_stream_end(struct json_stream *stream)
{
    fputs("\n}\n", stream->out);
    return !stream->failed;
}

void json_stream_member(struct json_stream *stream, const char *key, json_t *value)
{
    separate(stream);
    fprintf(stream->out, "\"%s\": ", key);
    write_value(stream, value);
}

void json_stream_item(struct json_stream *stream, json_t *value)
{
    separate(stream);
    write_value(stream, value);
}

void json_stream_open(struct json_stream *stream, const char *key, char bracket)
{
    separate(stream);
    if (key)
        fprintf(stream->out, "\"%s\": ", key);
    fputc(bracket, stream->out);
    stream->empty = true;
    stream->depth++;
}

void json_stream_close(struct json_stream *stream, char bracket)
{
    stream->depth--;
    if (!stream->empty) {
        fputc('\n', stream->out);
        for (unsigned i = 0; i < stream->depth; i++)
            fputs("  ", stream->out);
    }
    fputc(bracket, stream->out);
    stream->empty = false;
}

void json_add(json_t **object, const char *key, json_t *value)
{
    /* json_object_set_new releases the value also when it fails. */
    if (json_object_set_new(*object, key, value) != 0) {
        json_decref(*object);
        *object = NULL;
    }
}

json_t *json_count(uint64_t count)
{
    return count > INT64_MAX ? json_null() : json_integer((json_int_t)count);
}

json_t *json_text(const char *text)
{
    if (text == NULL)
        return json_null();
    json_t *value = json_string(text); /* NULL when it is not UTF-8 */
    if (value)
        return value;
    char *clean = utf8_clean(text);
    value = clean ? json_string(clean) : NULL;
    free(clean);
    return value;
}
