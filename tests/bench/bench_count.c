/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_count TRACE...: what is in raw traces: allocations and releases, stack nodes as the
 * recorder numbered them (each stream has a tree of its own).  One line, for bench_measure.py.
 */
#include <stdio.h>

#include "decode/stream_decoder.h"

struct counts {
    unsigned long events, nodes;
};

static void count_event(const struct event *event, struct counts *counts)
{
    switch (event->type) {
    case EVENT_ALLOC:
    case EVENT_FREE:
    case EVENT_REALLOC_BEGIN:
        counts->events++;
        break;
    case EVENT_NODES:
        counts->nodes += event->nodes.count;
        break;
    default:
        break;
    }
}

static bool count_stream(struct trace_reader *reader, size_t stream, struct counts *counts)
{
    struct stream_decoder decoder;
    struct event event;
    enum decode_result result;

    stream_decoder_init(&decoder, reader, stream);
    while ((result = stream_decoder_next(&decoder, &event)) == DECODE_EVENT)
        count_event(&event, counts);
    stream_decoder_release(&decoder);
    return result == DECODE_END;
}

static bool count_trace(const char *path, struct counts *counts)
{
    struct trace_reader reader;
    struct source *source;
    struct error error;
    bool good = true;

    if (source_open(path, &source, &error) != VMT_OK ||
        trace_reader_open(&reader, source, &error) != VMT_OK) {
        fprintf(stderr, "bench_count: %s: %s\n", path, error.message);
        return false;
    }
    for (size_t i = 0; i < reader.stream_count && good; i++)
        good = count_stream(&reader, i, counts);
    if (trace_damage_any(&reader.damage)) {
        fprintf(stderr, "bench_count: %s is damaged\n", path);
        good = false;
    }
    trace_reader_release(&reader);
    return good;
}

int main(int argc, char **argv)
{
    struct counts counts = {0};

    for (int i = 1; i < argc; i++)
        if (!count_trace(argv[i], &counts))
            return 1;
    printf("events %lu nodes %lu\n", counts.events, counts.nodes);
    return 0;
}
