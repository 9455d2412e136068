/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_words.h"

#include <errno.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    ENTRY_BYTES = 6 * VMT_VARINT_MAX, /* a pointer and two words about its target */
    MOST_BYTES = 16384,               /* of one record */
    LEAST_BYTES = 512,
};

#define MOST_WORD                                                                                  \
    (UINT64_C(1) << 40) /* of a count or size that may stand before a block's part                 \
                         */

void scan_words_begin(struct scan_words *words, struct stream *stream,
                      const struct scan_space *space, struct scan_reader *reader)
{
    words->space = space;
    words->reader = reader;
    words->stream = stream;
    words->words = words->pointers = 0;
    words->error = 0;
    words->end = NULL;
    words->target = (struct scan_range){0};
}

/* The end of the chunk as it was, though nothing more fits: what the stream says of that takes a
 * part of the reserve, SCAN_END and END the rest. */
static void reopen_reserve(struct stream *stream, uint8_t *limit)
{
    stream->limit = limit;
    stream->pause_at = stream->cursor;
}

bool scan_words_record(struct scan_words *words, struct stream_record *record, uint8_t opcode,
                       size_t bytes, size_t most)
{
    struct stream *stream = words->stream;
    ptrdiff_t room = stream->limit - stream->cursor - SCAN_WORDS_RESERVE - STREAM_MARGIN;
    if (room > (ptrdiff_t)bytes)
        bytes = (size_t)room < most ? (size_t)room : most;
    uint8_t *limit = stream->limit;
    if (!words->error && stream_record_begin(record, stream, opcode, bytes + SCAN_WORDS_RESERVE))
        return true;
    if (!words->error && limit)
        reopen_reserve(stream, limit);
    words->error = words->error ? words->error : stream->stopped ? EFBIG : ENOSPC;
    return false;
}

static bool begin_record(struct scan_words *words, uint64_t place)
{
    if (!scan_words_record(words, &words->record, VMT_OP_POINTERS, LEAST_BYTES, MOST_BYTES))
        return false;
    stream_record_number(&words->record, place);
    ptrdiff_t room = words->stream->limit - SCAN_WORDS_RESERVE - words->record.at;
    words->end = words->record.at + (room < MOST_BYTES ? room : MOST_BYTES);
    words->place = words->last = place;
    return true;
}

bool scan_words_end(struct scan_words *words)
{
    if (words->end)
        stream_record_end(&words->record);
    words->end = NULL;
    return !words->error;
}

/* Room for one more entry at `place`. */
static bool make_room(struct scan_words *words, uint64_t place)
{
    if (words->end && words->end - words->record.at >= ENTRY_BYTES)
        return true;
    scan_words_end(words);
    return begin_record(words, place);
}

static void put_head(struct scan_words *words, uint64_t place, unsigned kind)
{
    uint64_t distance = (place - words->place) / sizeof(uint64_t);
    words->record.at = vmt_put_varint(words->record.at, distance << VMT_POINTER_SHIFT | kind);
    words->place = place;
}

static void put_before(struct scan_words *words, uint64_t word, bool is_capacity)
{
    put_head(words, words->place, VMT_POINTER_BEFORE);
    words->record.at = vmt_put_varint(words->record.at, word << 1 | is_capacity);
}

static bool peek(struct scan_words *words, void *to, uint64_t address, size_t size)
{
    return (scan_space_flags(words->space, address) & SCAN_SEARCH) &&
           (scan_space_flags(words->space, address + size - 1) & SCAN_SEARCH) &&
           scan_reader_peek(words->reader, to, address, size);
}

/* What explains a pointer 8 or 24 bytes into a block: the count of an array, the length of a
 * string, the capacity of a reference-counted std::string. */
static void put_words_before(struct scan_words *words, uint64_t value)
{
    uint64_t before[3]; /* length, capacity, count */
    if (!peek(words, before, value - sizeof(before), sizeof(before))) {
        before[0] = before[1] = 0;
        if (!peek(words, &before[2], value - sizeof(*before), sizeof(*before)))
            return;
    }
    if (before[2] > 0 && before[2] < MOST_WORD)
        put_before(words, before[2], false);
    if (before[1] > 0 && before[1] < MOST_WORD && before[0] <= before[1])
        put_before(words, before[1], true);
}

static bool put_pointer(struct scan_words *words, uint64_t place, uint64_t value)
{
    if (!make_room(words, place))
        return false;
    uint64_t far = vmt_address_delta(value, words->last);
    uint64_t near = vmt_address_delta(value, place);
    put_head(words, place, near < far ? VMT_POINTER_NEAR : VMT_POINTER_FAR);
    words->record.at = vmt_put_varint(words->record.at, near < far ? near : far);
    words->last = value;
    words->pointers++;
    if (value % 16 == 8)
        put_words_before(words, value);
    return true;
}

bool scan_words_is_target(struct scan_words *words, uint64_t value)
{
    if (value - words->target.start < words->target.end - words->target.start)
        return true;
    uint64_t page = value >> 12, *verdict = &words->verdicts[page % SCAN_CACHE];
    if (*verdict >> 1 == page && page)
        return *verdict & 1;
    const struct scan_range *range = scan_space_find(words->space, value);
    bool is = range && (range->flags & SCAN_TARGET);
    *verdict = page << 1 | is;
    if (is)
        words->target = *range;
    return is;
}

/* A table of functions: the word, or the next one, where the first is the offset of a virtual base
 * or 0 for a pure destructor, points to code. */
static bool is_table(struct scan_words *words, uint64_t value)
{
    uint64_t entry[2], at = value >> 3;
    uint64_t *known = &words->tables[(at ^ at >> 8) % SCAN_TABLES];
    if (*known >> 1 == value)
        return *known & 1;
    bool is = peek(words, entry, value, sizeof(entry)) &&
              ((scan_space_flags(words->space, entry[0]) & SCAN_CODE) ||
               (scan_space_flags(words->space, entry[1]) & SCAN_CODE));
    *known = value << 1 | is;
    return is;
}

/* Only objects in blocks matter. */
static bool put_table(struct scan_words *words, uint64_t place, uint64_t value)
{
    if (!(words->range_flags & SCAN_TARGET) || value % sizeof(uint64_t) ||
        !(scan_space_flags(words->space, value) & SCAN_CONSTANT) || !is_table(words, value))
        return true;
    if (!make_room(words, place))
        return false;
    put_head(words, place, VMT_POINTER_TABLE);
    return true;
}

static bool take_word(struct scan_words *words, uint64_t place, uint64_t word)
{
#if defined(__aarch64__)
    word &= UINT64_C(0x00ffffffffffffff); /* the processor ignores the rest */
#endif
    if (!scan_space_may_hold(words->space, word))
        return true;
    if (scan_words_is_target(words, word))
        return put_pointer(words, place, word);
    return put_table(words, place, word);
}

#if defined(__SSE2__)
/* Which of four words have upper halves from `least` to `least` + `span`: most have not, being
 * zero, small, text or floating-point numbers.  Both were shifted for a signed comparison. */
static inline unsigned candidates(const uint64_t *four, __m128i least, __m128i span)
{
    __m128 a = _mm_loadu_ps((const float *)four), b = _mm_loadu_ps((const float *)(four + 2));
    __m128i upper = _mm_castps_si128(_mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
    __m128i above = _mm_cmpgt_epi32(_mm_sub_epi32(upper, least), span);
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(above)) ^ 15u;
}

/* The first word from `i` on that may be a pointer, or `count`. */
static size_t skip(const struct scan_space *space, const uint64_t *memory, size_t i, size_t count)
{
    uint32_t low = (uint32_t)(space->low >> 32), high = (uint32_t)((space->high - 1) >> 32);
    __m128i least = _mm_set1_epi32((int)(low + 0x80000000u));
    __m128i span = _mm_set1_epi32((int)((high - low) ^ 0x80000000u));
    for (; i + 4 <= count; i += 4) {
        unsigned found = candidates(memory + i, least, span);
        if (found)
            return i + (size_t)__builtin_ctz(found);
    }
    return i;
}
#else
static size_t skip(const struct scan_space *space, const uint64_t *memory, size_t i, size_t count)
{
    (void)space;
    (void)memory;
    (void)count;
    return i;
}
#endif

bool scan_words_search(struct scan_words *words, const uint64_t *memory, size_t count,
                       uint64_t address, uint32_t flags)
{
    words->range_flags = flags;
    words->words += count;
    if (words->error)
        return false;
    if (!words->space->high)
        return true;
    for (size_t i = 0; (i = skip(words->space, memory, i, count)) < count; i++) {
        if (!take_word(words, address + i * sizeof(*memory), memory[i]))
            return false;
    }
    return true;
}
