/* SPDX-License-Identifier: Apache-2.0 */
/* Mutations of texts, for targets that read some. */
#ifndef VMTRACE_FUZZ_TEXT_H
#define VMTRACE_FUZZ_TEXT_H

#include <stddef.h>

struct fuzz_text {
    const char *const *seeds; /* NULL-terminated, of at most 4096 bytes each */
    const char *const *words; /* NULL-terminated: pieces that mean something */
};

/* main() of a replay: COUNT SEED, the same mutations for one SEED, each given to
 * LLVMFuzzerTestOneInput. */
int fuzz_text_main(int argc, char **argv, const struct fuzz_text *text);

#endif
