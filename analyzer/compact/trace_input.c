/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/trace_input.h"

#include <stdlib.h>
#include <string.h>

#include "compact/compact_decoder.h"
#include "compact/compact_file.h"

struct trace_input_compact {
    struct compact_file file;
    struct compact_decoder decoder;
    trace_input_bytes *done;
    void *context;
};

static enum decoder_supply trace_input_supply(void *context, struct columns *columns,
                                              uint64_t *position)
{
    struct trace_input_compact *compact = context;
    return compact_file_supply(&compact->file, columns, position);
}

static void trace_input_done(void *context, uint64_t offset, const uint8_t *bytes, size_t size)
{
    struct trace_input_compact *compact = context;
    if (compact->done)
        compact->done(compact->context, offset, bytes, size);
}

/* What was found wrong before the records. */
static void trace_input_damage(struct trace_input *input)
{
    const struct compact_file *file = &input->compact->file;
    struct trace_damage *damage = &input->reader.damage;
    if (file->damaged)
        trace_damage_at(damage, &damage->bad_chunks, file->position);
    damage->cut_off = damage->cut_off || file->cut;
}

static enum vmt_error trace_input_open_compact(struct trace_input *input, struct source *source,
                                               struct error *error)
{
    static const struct decoder_user user = {trace_input_supply, trace_input_done};
    struct trace_input_compact *compact = calloc(1, sizeof(*compact));
    if (!compact) {
        source_free(source);
        return error_no_memory(error);
    }
    input->compact = compact;
    enum vmt_error code = compact_file_open(&compact->file, source, error);
    if (code == VMT_OK)
        code = trace_reader_open(&input->reader, compact->file.raw, error);
    if (code == VMT_OK && !compact_decoder_init(&compact->decoder, &input->reader, &user, compact))
        code = error_no_memory(error);
    if (code == VMT_OK)
        trace_input_damage(input);
    else
        trace_input_release(input);
    return code;
}

enum vmt_error trace_input_open(struct trace_input *input, struct source *source,
                                struct error *error)
{
    uint8_t scratch[COMPACT_MAGIC_SIZE];
    size_t size;
    const uint8_t *bytes = source_view(source, 0, sizeof(scratch), scratch, &size);
    *input = (struct trace_input){.compact = NULL};
    if (compact_file_begins(bytes, size))
        return trace_input_open_compact(input, source, error);
    if (size == COMPACT_MAGIC_SIZE && memcmp(bytes + 1, "VMZ", 3) == 0) {
        source_free(source);
        return error_set(error, VMT_ERROR_MANGLED,
                         "is a compact trace damaged in transfer (copied as text?)");
    }
    return trace_reader_open(&input->reader, source, error);
}

void trace_input_release(struct trace_input *input)
{
    trace_reader_release(&input->reader);
    if (input->compact) {
        compact_decoder_release(&input->compact->decoder);
        compact_file_release(&input->compact->file);
        free(input->compact);
    }
    *input = (struct trace_input){.compact = NULL};
}

bool trace_input_whole(const struct trace_input *input)
{
    const struct trace_input_compact *compact = input->compact;
    return !compact || !(compact->file.cut || compact->file.damaged || compact->decoder.over);
}

void trace_input_watch(struct trace_input *input, trace_input_bytes *done, void *context)
{
    struct trace_input_compact *compact = input->compact;
    compact->done = done;
    compact->context = context;
    compact_file_rest(&compact->file, done, context);
}
