/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMTRACE_TESTS_FUZZ_READ_H
#define VMTRACE_TESTS_FUZZ_READ_H

#include <stddef.h>
#include <stdint.h>

/* Reads any bytes as a trace, through reader, decoder, model and report.  Whatever they are, the
 * model's sums must add up; only a finding aborts. */
void fuzz_read(const uint8_t *bytes, size_t size);

/* A finding. */
_Noreturn void fuzz_fail(const char *what);

#endif
