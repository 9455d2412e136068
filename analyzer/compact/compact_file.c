/* SPDX-License-Identifier: Apache-2.0 */
#include "compact/compact_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/vector.h"

bool compact_file_begins(const uint8_t *bytes, size_t size)
{
    return size >= COMPACT_MAGIC_SIZE && memcmp(bytes, COMPACT_MAGIC, COMPACT_MAGIC_SIZE) == 0;
}

/* ---- the raw trace without records ---- */

static uint64_t compact_slot_begin(uint64_t slot)
{
    return slot ? slot * VMT_CHUNK_SIZE : VMT_HEADER_SIZE;
}

static const struct compact_slot *compact_file_slot(const struct compact_file *file, uint64_t slot)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (file->places[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low < file->count && file->places[low].slot == slot ? &file->places[low] : NULL;
}

static bool compact_file_block(const struct compact_file *file, uint64_t position,
                               struct compact_block *block)
{
    size_t got;
    const uint8_t *bytes = source_view(file->file, position, sizeof(*block), block, &got);
    if (got < sizeof(*block))
        return false;
    memmove(block, bytes, sizeof(*block));
    return true;
}

/* The payload of the block at `position`, which is whole. */
static enum columns_result compact_file_payload(struct compact_file *file, uint64_t position,
                                                uint32_t size, const uint8_t **payload)
{
    size_t got;
    if (size > columns_bound())
        return COLUMNS_DAMAGED;
    if (!vector_reserve(&file->payload, &file->payload_room, (size_t)size + 1, 1))
        return COLUMNS_NO_MEMORY;
    *payload =
        source_view(file->file, position + sizeof(struct compact_block), size, file->payload, &got);
    return got == size ? COLUMNS_READY : COLUMNS_DAMAGED;
}

/* Unpacks a block of one frame into the first column. */
static enum columns_result compact_file_unpack(struct compact_file *file, uint64_t position)
{
    struct compact_block block;
    const uint8_t *payload;
    if (!compact_file_block(file, position, &block))
        return COLUMNS_DAMAGED;
    enum columns_result result = compact_file_payload(file, position, block.size, &payload);
    return result == COLUMNS_READY
               ? columns_unpack_bytes(&file->columns, payload, block.size, &file->columns.list[0])
               : result;
}

/* How many bytes it gave. */
static size_t compact_file_got(const struct compact_file *file)
{
    return (size_t)(file->columns.list[0].end - file->columns.list[0].bytes);
}

/* source_maker */
static size_t compact_file_make(void *context, uint64_t offset, size_t size, uint8_t *scratch)
{
    struct compact_file *file = context;
    if (offset < VMT_HEADER_SIZE) {
        size_t rest = offset < file->head_size ? (size_t)(file->head_size - offset) : 0;
        size = size < rest ? size : rest;
        memcpy(scratch, file->head + offset, size);
        return size;
    }
    uint64_t slot = offset / VMT_CHUNK_SIZE, end = (slot + 1) * VMT_CHUNK_SIZE;
    const struct compact_slot *place = compact_file_slot(file, slot);
    uint64_t within = offset - compact_slot_begin(slot);
    size = size < end - offset ? size : (size_t)(end - offset);
    memset(scratch, 0, size);
    if (place && place->raw) {
        if (compact_file_unpack(file, place->raw) != COLUMNS_READY)
            return 0;
        size_t got = compact_file_got(file);
        if (within < got)
            memcpy(scratch, file->columns.list[0].bytes + within,
                   size < got - within ? size : (size_t)(got - within));
    } else if (place && within < sizeof(place->header)) {
        size_t rest = sizeof(place->header) - (size_t)within;
        memcpy(scratch, (const uint8_t *)&place->header + within, size < rest ? size : rest);
    }
    return size;
}

/* ---- what stands before the records ---- */

static enum vmt_error compact_file_header(struct compact_file *file, struct error *error)
{
    struct compact_header header;
    size_t size;
    const uint8_t *bytes = source_view(file->file, 0, sizeof(header), &header, &size);
    if (size < sizeof(header))
        return error_set(error, VMT_ERROR_HEADER_CUT,
                         "is cut off: %zu bytes, less than a file header", size);
    memmove(&header, bytes, sizeof(header));
    if (header.version != COMPACT_VERSION)
        return error_set(error, VMT_ERROR_VERSION,
                         "is a compact trace of version %u; this program reads version %d",
                         header.version, COMPACT_VERSION);
    file->position = sizeof(header);
    return VMT_OK;
}

/* The trace's size and its own file header: without them nothing can be read. */
static enum vmt_error compact_file_head(struct compact_file *file, struct error *error)
{
    struct compact_block block;
    enum columns_result result = COLUMNS_DAMAGED;
    if (compact_file_block(file, file->position, &block) && block.tag == COMPACT_HEAD)
        result = compact_file_unpack(file, file->position);
    if (result == COLUMNS_NO_MEMORY)
        return error_no_memory(error);
    const uint8_t *bytes = file->columns.list[0].bytes;
    size_t size = result == COLUMNS_READY ? compact_file_got(file) : 0;
    if (size < sizeof(file->raw_size) || size > sizeof(file->raw_size) + sizeof(file->head))
        return error_set(error, VMT_ERROR_HEADER_CUT,
                         "is a compact trace that is damaged or cut off at its beginning");
    memcpy(&file->raw_size, bytes, sizeof(file->raw_size));
    if (file->raw_size > COMPACT_MAX_RAW)
        return error_set(error, VMT_ERROR_HEADER, "has an impossible size, %llu",
                         (unsigned long long)file->raw_size);
    file->head_size = size - sizeof(file->raw_size);
    memcpy(file->head, bytes + sizeof(file->raw_size), file->head_size);
    file->position += sizeof(block) + block.size;
    return VMT_OK;
}

static bool compact_get_header(struct column *entries, struct vmt_chunk_header *header)
{
    uint64_t delta[6];
    for (unsigned i = 0; i < 6; i++) {
        if (!column_get(entries, &delta[i]))
            return false;
        delta[i] = (uint64_t)vmt_unzigzag(delta[i]);
    }
    header->magic = VMT_CHUNK_MAGIC;
    header->stream += (uint32_t)delta[0];
    header->sequence += (uint32_t)delta[1];
    header->tid += (uint32_t)delta[2];
    header->ticks += delta[3];
    header->next_node += (uint32_t)delta[4];
    header->node_epoch += (uint32_t)delta[5];
    return true;
}

static enum vmt_error compact_file_add(struct compact_file *file, uint64_t slot, bool raw,
                                       const struct vmt_chunk_header *header, struct error *error)
{
    if (file->count == file->capacity &&
        !vector_grow(&file->places, &file->capacity, sizeof(*file->places)))
        return error_no_memory(error);
    file->places[file->count++] = (struct compact_slot){slot, raw ? UINT64_MAX : 0, *header};
    return VMT_OK;
}

/* How far the list of chunks was read. */
struct compact_list {
    uint64_t slot;                  /* of the next entry */
    struct vmt_chunk_header header; /* the last one */
};

/* The entries of one CHUNKS block, as many as are good.  There are never more chunks than bytes in
 * the file. */
static enum vmt_error compact_file_entries(struct compact_file *file, struct compact_list *list,
                                           struct column *entries, struct error *error)
{
    uint64_t most = source_size(file->file), count;
    enum vmt_error code = VMT_OK;
    uint8_t kind;
    while (code == VMT_OK && column_get_byte(entries, &kind)) {
        if (kind == COMPACT_CHUNK_UNUSED && column_get(entries, &count) &&
            count <= COMPACT_MAX_RAW) {
            list->slot += count;
            continue;
        }
        bool stream = kind == COMPACT_CHUNK_STREAM && compact_get_header(entries, &list->header);
        if ((!stream && kind != COMPACT_CHUNK_RAW) || file->count >= most ||
            list->slot > COMPACT_MAX_RAW) {
            file->damaged = true;
            break;
        }
        code = compact_file_add(file, list->slot++, !stream, &list->header, error);
    }
    return code;
}

/* A RAW block is that of the next chunk which wants one. */
static void compact_file_raw(struct compact_file *file, uint64_t position)
{
    while (file->raw_next < file->count && !file->places[file->raw_next].raw)
        file->raw_next++;
    if (file->raw_next < file->count)
        file->places[file->raw_next++].raw = position;
}

static enum vmt_error compact_file_list(struct compact_file *file, struct compact_list *list,
                                        struct error *error)
{
    enum columns_result result = compact_file_unpack(file, file->position);
    if (result == COLUMNS_NO_MEMORY)
        return error_no_memory(error);
    file->damaged = result == COLUMNS_DAMAGED;
    return file->damaged ? VMT_OK : compact_file_entries(file, list, &file->columns.list[0], error);
}

/* The list of chunks, which is complete, and the chunks that are kept as they are. */
static enum vmt_error compact_file_chunks(struct compact_file *file, struct error *error)
{
    struct compact_list list = {0};
    struct compact_block block;
    enum vmt_error code = VMT_OK;
    while (code == VMT_OK && !file->damaged) {
        file->cut = !compact_file_block(file, file->position, &block);
        if (file->cut || block.tag == COMPACT_RECORDS || block.tag == COMPACT_END)
            break;
        if (block.tag == COMPACT_RAW)
            compact_file_raw(file, file->position);
        else if (block.tag == COMPACT_CHUNKS)
            code = compact_file_list(file, &list, error);
        else
            file->damaged = true;
        if (!file->damaged)
            file->position += sizeof(block) + block.size;
    }
    uint64_t slots = (file->raw_size + VMT_CHUNK_SIZE - 1) / VMT_CHUNK_SIZE;
    file->damaged = file->damaged || (!file->cut && list.slot != slots);
    return code;
}

enum vmt_error compact_file_open(struct compact_file *file, struct source *source,
                                 struct error *error)
{
    *file = (struct compact_file){.file = source};
    enum vmt_error code = VMT_OK;
    if (!columns_init(&file->columns, false))
        code = error_no_memory(error);
    if (code == VMT_OK)
        code = compact_file_header(file, error);
    if (code == VMT_OK)
        code = compact_file_head(file, error);
    if (code == VMT_OK)
        code = compact_file_chunks(file, error);
    if (code == VMT_OK)
        code = source_from_maker(compact_file_make, file, file->raw_size, &file->raw, error);
    if (code != VMT_OK)
        compact_file_release(file);
    return code;
}

void compact_file_release(struct compact_file *file)
{
    columns_release(&file->columns);
    free(file->payload);
    free(file->places);
    source_free(file->file);
    *file = (struct compact_file){0};
}

void compact_file_rest(struct compact_file *file,
                       void (*take)(void *context, uint64_t offset, const uint8_t *bytes,
                                    size_t size),
                       void *context)
{
    take(context, 0, file->head, file->head_size);
    for (size_t i = 0; i < file->count; i++) {
        const struct compact_slot *place = &file->places[i];
        if (place->raw && compact_file_unpack(file, place->raw) == COLUMNS_READY)
            take(context, compact_slot_begin(place->slot), file->columns.list[0].bytes,
                 compact_file_got(file));
        else if (place->raw)
            file->damaged = true;
    }
}

/* ---- records ---- */

enum decoder_supply compact_file_supply(void *context, struct columns *columns, uint64_t *position)
{
    struct compact_file *file = context;
    struct compact_block block;
    *position = file->position;
    if (file->damaged || file->cut)
        return SUPPLY_END;
    if (!compact_file_block(file, file->position, &block)) {
        file->cut = true;
        return SUPPLY_END;
    }
    if (block.tag != COMPACT_RECORDS)
        return SUPPLY_DAMAGED;
    if (block.size > source_size(file->file) - file->position - sizeof(block)) {
        file->cut = true;
        return SUPPLY_END;
    }
    const uint8_t *payload;
    enum columns_result result = compact_file_payload(file, file->position, block.size, &payload);
    if (result == COLUMNS_READY)
        result = columns_unpack(columns, payload, block.size);
    if (result == COLUMNS_NO_MEMORY)
        return SUPPLY_NO_MEMORY;
    if (result == COLUMNS_DAMAGED)
        return SUPPLY_DAMAGED;
    file->position += sizeof(block) + block.size;
    return SUPPLY_READY;
}
