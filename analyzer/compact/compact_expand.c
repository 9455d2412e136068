/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/compact_expand.h"

#include <stdlib.h>
#include <string.h>

#include "compact/trace_input.h"
#include "decode/merge.h"

struct expansion {
    expand_sink *sink;
    void *context;
    bool refused; /* the sink wants no more */
};

static void expansion_take(void *context, uint64_t offset, const uint8_t *bytes, size_t size)
{
    struct expansion *expansion = context;
    expansion->refused =
        expansion->refused || !expansion->sink(expansion->context, offset, bytes, size);
}

/* Reads all records, which makes the chunks. */
static enum vmt_error expansion_read(struct trace_input *input, struct expansion *expansion,
                                     struct error *error)
{
    struct merge merge;
    struct event *event;
    size_t stream;
    enum decode_result result = DECODE_END;
    trace_input_watch(input, expansion_take, expansion);
    if (!merge_init(&merge, &input->reader))
        return error_no_memory(error);
    while (!expansion->refused && (result = merge_next(&merge, &event, &stream)) == DECODE_EVENT)
        ;
    merge_release(&merge);
    if (result == DECODE_NO_MEMORY)
        return error_no_memory(error);
    if (!trace_input_whole(input))
        return error_set(error, VMT_ERROR_COMPACT, "is damaged or cut off; not all of it is there");
    return VMT_OK;
}

enum vmt_error compact_expand(struct source *source, expand_sink *sink, void *context,
                              uint64_t *raw_size, struct error *error)
{
    struct expansion expansion = {sink, context, false};
    struct trace_input input;
    enum vmt_error code = trace_input_open(&input, source, error);
    if (code != VMT_OK)
        return code;
    *raw_size = source_size(input.reader.source);
    if (input.compact)
        code = expansion_read(&input, &expansion, error);
    else
        code = error_set(error, VMT_ERROR_COMPACT, "is no compact trace");
    trace_input_release(&input);
    return code;
}

/* ---- verification ---- */

struct verification {
    const struct source *raw;
    uint8_t *scratch; /* a chunk */
    uint8_t *seen;    /* a bit for each chunk that was compared */
    uint64_t slots;
    bool differs;
};

static bool verification_same(const struct verification *verification, uint64_t offset,
                              const uint8_t *bytes, size_t size)
{
    size_t got;
    const uint8_t *there =
        source_view(verification->raw, offset, size, verification->scratch, &got);
    return got == size && memcmp(there, bytes, size) == 0;
}

static bool verification_take(void *context, uint64_t offset, const uint8_t *bytes, size_t size)
{
    struct verification *verification = context;
    uint64_t slot = offset / VMT_CHUNK_SIZE;
    if (offset != 0 && slot < verification->slots)
        verification->seen[slot / 8] |= (uint8_t)(1u << slot % 8);
    verification->differs =
        slot >= verification->slots || !verification_same(verification, offset, bytes, size);
    return !verification->differs;
}

/* What was not handed out must be zeros. */
static bool verification_rest(const struct verification *verification)
{
    static const uint8_t zeros[VMT_CHUNK_SIZE];
    uint64_t end = source_size(verification->raw);
    for (uint64_t slot = 0; slot < verification->slots; slot++) {
        if (verification->seen[slot / 8] >> slot % 8 & 1)
            continue;
        uint64_t begin = slot ? slot * VMT_CHUNK_SIZE : VMT_HEADER_SIZE;
        uint64_t next = (slot + 1) * VMT_CHUNK_SIZE < end ? (slot + 1) * VMT_CHUNK_SIZE : end;
        if (begin < next && !verification_same(verification, begin, zeros, (size_t)(next - begin)))
            return false;
    }
    return true;
}

enum vmt_error compact_verify(struct source *compact, const struct source *raw, struct error *error)
{
    uint64_t size = source_size(raw), raw_size;
    struct verification verification = {
        .raw = raw,
        .scratch = malloc(VMT_CHUNK_SIZE),
        .slots = (size + VMT_CHUNK_SIZE - 1) / VMT_CHUNK_SIZE,
    };
    verification.seen = calloc(verification.slots / 8 + 1, 1);
    enum vmt_error code = VMT_OK;
    if (!verification.scratch || !verification.seen) {
        source_free(compact);
        code = error_no_memory(error);
    } else {
        code = compact_expand(compact, verification_take, &verification, &raw_size, error);
    }
    if (code == VMT_OK &&
        (verification.differs || raw_size != size || !verification_rest(&verification)))
        code = error_set(error, VMT_ERROR_COMPACT,
                         "is not what its compact form gives back; is it still being written?");
    free(verification.scratch);
    free(verification.seen);
    return code;
}
