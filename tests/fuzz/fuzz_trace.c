/* SPDX-License-Identifier: Apache-2.0 */
/* Target: any bytes as a trace. */
#include "fuzz_trace.h"

#include "fuzz_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_read(bytes, size);
    return 0;
}
