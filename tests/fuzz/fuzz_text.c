/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_trace.h"

#define MOST_BYTES ((size_t)4096)

static uint64_t random_state;
static char text[MOST_BYTES];
static size_t size;

/* splitmix64 (Steele, Lea, Flood 2014) */
static size_t random_below(size_t bound)
{
    uint64_t value = random_state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((value ^ value >> 31) % bound);
}

static void insert(const char *word)
{
    size_t length = strlen(word), place = random_below(size + 1);
    if (size + length > MOST_BYTES)
        return;
    memmove(text + place + length, text + place, size - place);
    memcpy(text + place, word, length);
    size += length;
}

static size_t count_of(const char *const *list)
{
    size_t count = 0;
    while (list[count])
        count++;
    return count;
}

static void mutate(const char *const *words)
{
    size_t place = random_below(size + 1), count;
    switch (random_below(4)) {
    case 0:
        if (place < size)
            text[place] = (char)random_below(256);
        return;
    case 1:
        count = random_below(8);
        count = count < size - place ? count : size - place;
        memmove(text + place, text + place + count, size - place - count);
        size -= count;
        return;
    default:
        insert(words[random_below(count_of(words))]);
    }
}

int fuzz_text_main(int argc, char **argv, const struct fuzz_text *from)
{
    size_t seeds = count_of(from->seeds);
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    random_state = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    for (unsigned long i = 0; i < count; i++) {
        const char *seed = from->seeds[i % seeds];
        size = strlen(seed);
        memcpy(text, seed, size);
        for (size_t times = random_below(12); times > 0; times--)
            mutate(from->words);
        LLVMFuzzerTestOneInput((const uint8_t *)text, size);
    }
    printf("%lu inputs\n", count);
    return 0;
}
