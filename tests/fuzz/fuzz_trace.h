/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMTRACE_TESTS_FUZZ_TRACE_H
#define VMTRACE_TESTS_FUZZ_TRACE_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry: always 0; aborts when something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
