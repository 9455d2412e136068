/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two keys of findings may be of one leak that optimizers make look different: the same
 * functions but for some that only one of the two has.
 */
#ifndef VMTRACE_GATE_KEY_LIKENESS_H
#define VMTRACE_GATE_KEY_LIKENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What of a key can be compared at once. */
struct key_sketch {
    const char *frames; /* the key's lines but the first: "parse @ app\nmain @ app\n" */
    size_t count;       /* of them */
    uint64_t functions; /* a bit for each function that has a name, several may share one */
    bool unnamed;       /* some have none */
    int mildness;       /* how little lost the leak is; -1: it is no leak */
};

/* `key` is kept; of what is no leak only that is told. */
struct key_sketch key_sketch(const char *key);

/* At least half of the functions must be the same, or anything in main is like all the rest. */
bool key_sketch_alike(const struct key_sketch *a, const struct key_sketch *b);

#endif
