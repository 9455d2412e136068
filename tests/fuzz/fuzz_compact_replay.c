/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target fuzz_compact without libFuzzer, for any compiler.
 *
 *     fuzz_compact_replay COUNT SEED     COUNT mutations of the seeds, the same for a SEED
 *     fuzz_compact_replay --corpus DIR   writes the seeds into DIR
 *     fuzz_compact_replay FILE...        runs the target over files
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_compact.h"
#include "fuzz_seeds.h"
#include "fuzz_trace.h"

#define MUTANT_MAX ((size_t)256 * 1024)

static uint8_t seeds[FUZZ_SEEDS][MUTANT_MAX];
static size_t seed_sizes[FUZZ_SEEDS];
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

/* Where the length of a part stands, and the length. */
static uint8_t *find_part(unsigned number, size_t *length)
{
    uint8_t *at = mutant;
    for (unsigned i = 0;; i++) {
        *length = (size_t)(at[0] | at[1] << 8);
        if (i == number)
            return at;
        at += 2 + *length;
    }
}

/* Inserts or removes a byte, and the part's length says so: the other parts keep their places. */
static void mutate_length(uint8_t *part, size_t length, size_t place)
{
    uint8_t *at = part + 2 + place;
    size_t behind = mutant_size - (size_t)(at - mutant);
    if (random_below(2) && length > 0) {
        memmove(at, at + 1, behind - 1);
        mutant_size--;
        length--;
    } else if (length < 0xffff && mutant_size < MUTANT_MAX) {
        memmove(at + 1, at, behind);
        *at = (uint8_t)next_random();
        mutant_size++;
        length++;
    }
    part[0] = (uint8_t)length;
    part[1] = (uint8_t)(length >> 8);
}

static void mutate(void)
{
    static const uint8_t telling[] = {0, 1, 2, 3, 4, 5, 8, 12, 0x7f, 0x80, 0x81, 0xfe, 0xff};
    size_t times = 1 + random_below(8);
    for (size_t i = 0; i < times; i++) {
        size_t length;
        uint8_t *part = find_part((unsigned)random_below(FUZZ_PARTS), &length);
        size_t place = random_below(length);
        if (random_below(3) == 0)
            mutate_length(part, length, place);
        else if (length)
            part[2 + place] =
                random_below(2) ? telling[random_below(sizeof(telling))] : (uint8_t)next_random();
    }
}

static int replay_mutations(unsigned long count, uint64_t seed)
{
    random_state = seed;
    for (unsigned long i = 0; i < FUZZ_SEEDS + count; i++) {
        unsigned number = (unsigned)(i % FUZZ_SEEDS);
        mutant_size = seed_sizes[number];
        memcpy(mutant, seeds[number], mutant_size);
        if (i >= FUZZ_SEEDS)
            mutate();
        LLVMFuzzerTestOneInput(mutant, mutant_size);
    }
    printf("%lu mutations of %d traces\n", count, FUZZ_SEEDS);
    return EXIT_SUCCESS;
}

static int replay_file(const char *path)
{
    FILE *input = fopen(path, "re");
    if (!input) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    mutant_size = fread(mutant, 1, sizeof(mutant), input);
    fclose(input);
    LLVMFuzzerTestOneInput(mutant, mutant_size);
    return EXIT_SUCCESS;
}

static int write_corpus(const char *directory)
{
    for (unsigned number = 0; number < FUZZ_SEEDS; number++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/seed%u.parts", directory, number);
        FILE *out = fopen(path, "we");
        if (!out || fwrite(seeds[number], 1, seed_sizes[number], out) != seed_sizes[number] ||
            fclose(out) != 0) {
            fprintf(stderr, "%s: %s\n", path, strerror(errno));
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    for (unsigned number = 0; number < FUZZ_SEEDS; number++)
        seed_sizes[number] = fuzz_compact_seed(number, seeds[number], MUTANT_MAX);
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
