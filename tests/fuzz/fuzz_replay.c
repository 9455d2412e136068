/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fuzz target without libFuzzer, for any compiler.
 *
 *     fuzz_replay COUNT SEED        COUNT mutations of the seed traces, the same for a SEED
 *     fuzz_replay --corpus DIR      writes the seed traces into DIR
 *     fuzz_replay FILE...           runs the target over files
 *
 * A mutation overwrites, inserts, removes or copies bytes of a trace behind its file header, or
 * cuts it off; one in 16 may hit the header as well.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_seeds.h"
#include "fuzz_trace.h"

#define MUTANT_MAX ((size_t)512 * 1024)

static uint8_t mutant[MUTANT_MAX];
static size_t mutant_size;
static uint64_t random_state;

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t next_random(void)
{
    uint64_t value = random_state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static size_t random_below(size_t bound)
{
    return bound ? (size_t)(next_random() % bound) : 0;
}

/* Most of a chunk is zeros: aim at its header and first records, rarely anywhere. */
static size_t random_place(void)
{
    bool header = random_below(16) == 0;
    if (header)
        return random_below(sizeof(struct vmt_file_header));
    size_t chunks = (mutant_size + VMT_CHUNK_SIZE - 1) / VMT_CHUNK_SIZE;
    size_t within = random_below(8) ? random_below(600) : random_below(VMT_CHUNK_SIZE);
    size_t place = random_below(chunks) * VMT_CHUNK_SIZE + within;
    if (place < VMT_HEADER_SIZE)
        place += VMT_HEADER_SIZE;
    return place < mutant_size ? place : mutant_size - 1;
}

static void mutate_overwrite(size_t place)
{
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0x81, 0xf8, 0xfe, 0xff};
    size_t count = 1 + random_below(4);
    for (size_t i = 0; i < count && place + i < mutant_size; i++)
        mutant[place + i] =
            random_below(2) ? telling[random_below(sizeof(telling))] : (uint8_t)next_random();
}

/* Keeps the size: what lies behind in the chunk moves. */
static void mutate_shift(size_t place)
{
    size_t rest = mutant_size - place, count = 1 + random_below(8);
    if (rest <= count + 1)
        return;
    if (rest > 1024)
        rest = 1024;
    if (random_below(2))
        memmove(mutant + place + count, mutant + place, rest - count);
    else
        memmove(mutant + place, mutant + place + count, rest - count);
}

static void mutate_copy(size_t place)
{
    size_t from = random_place(), count = 1 + random_below(64);
    if (from + count <= mutant_size && place + count <= mutant_size)
        memmove(mutant + place, mutant + from, count);
}

static void mutate(void)
{
    size_t times = 1 + random_below(6);
    for (size_t i = 0; i < times && mutant_size > VMT_HEADER_SIZE; i++) {
        size_t place = random_place();
        switch (random_below(8)) {
        case 0:
            mutate_copy(place);
            break;
        case 1:
        case 2:
            mutate_shift(place);
            break;
        case 3:
            if (random_below(4) == 0)
                mutant_size = place;
            break;
        default:
            mutate_overwrite(place);
        }
    }
}

static void load_seed(unsigned number)
{
    struct trace_builder *builder = fuzz_seed_new(number);
    const uint8_t *bytes = trace_builder_bytes(builder, &mutant_size);
    if (mutant_size > MUTANT_MAX)
        abort();
    memcpy(mutant, bytes, mutant_size);
    trace_builder_free(builder);
}

static int replay_mutations(unsigned long count, uint64_t seed)
{
    random_state = seed;
    for (unsigned number = 0; number < FUZZ_SEEDS; number++) {
        load_seed(number);
        LLVMFuzzerTestOneInput(mutant, mutant_size);
    }
    for (unsigned long i = 0; i < count; i++) {
        load_seed((unsigned)i);
        mutate();
        LLVMFuzzerTestOneInput(mutant, mutant_size);
    }
    printf("%lu mutations of %d traces\n", count, FUZZ_SEEDS);
    return EXIT_SUCCESS;
}

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    mutant_size = fread(mutant, 1, sizeof(mutant), file);
    fclose(file);
    LLVMFuzzerTestOneInput(mutant, mutant_size);
    return EXIT_SUCCESS;
}

static int write_corpus(const char *directory)
{
    for (unsigned number = 0; number < FUZZ_SEEDS; number++) {
        char path[4096];
        size_t size;
        struct trace_builder *builder = fuzz_seed_new(number);
        const uint8_t *bytes = trace_builder_trimmed(builder, &size);
        snprintf(path, sizeof(path), "%s/seed%u.vmt", directory, number);
        FILE *file = fopen(path, "we");
        if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
            fprintf(stderr, "%s: %s\n", path, strerror(errno));
            return EXIT_FAILURE;
        }
        trace_builder_free(builder);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long count = argc == 3 ? strtoul(argv[1], &end, 10) : 0;
    if (argc == 3 && strcmp(argv[1], "--corpus") == 0)
        return write_corpus(argv[2]);
    if (end && *end == '\0' && end != argv[1])
        return replay_mutations(count, strtoull(argv[2], NULL, 10));
    int status = EXIT_SUCCESS;
    for (int i = 1; i < argc; i++)
        status |= replay_file(argv[i]);
    return argc > 1 ? status : EXIT_FAILURE;
}
