/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_big_heap BLOCKS: a heap of that many live blocks, 1 KiB each on average and all touched;
 * half of them are replaced in random order, all are freed in the end.  The same each time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 1;

/* Knuth's MMIX generator; the upper bits are the good ones. */
static size_t random_below(size_t limit)
{
    random_state = random_state * 6364136223846793005 + 1442695040888963407;
    return (size_t)(random_state >> 33) % limit;
}

static char *new_block(void)
{
    size_t size = 16 + random_below(2016);
    char *block = malloc(size);

    if (block == NULL) {
        perror("bench_big_heap");
        exit(1);
    }
    return memset(block, 1, size);
}

int main(int argc, char **argv)
{
    size_t count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    char **blocks = count ? malloc(count * sizeof(*blocks)) : NULL;

    if (blocks == NULL) {
        fprintf(stderr, "usage: bench_big_heap BLOCKS\n");
        return 2;
    }
    for (size_t i = 0; i < count; i++)
        blocks[i] = new_block();
    for (size_t i = 0; i < count / 2; i++) {
        size_t victim = random_below(count);
        free(blocks[victim]);
        blocks[victim] = new_block();
    }
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    free(blocks);
    puts("done");
    return 0;
}
