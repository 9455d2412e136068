/* SPDX-License-Identifier: Apache-2.0 */
/* Target: any bytes that can be read as a trace, compacted and expanded, are the same again. */
#include "compact_fixture.h"
#include "fuzz_read.h"
#include "fuzz_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (!fixture_round_trip(bytes, size))
        fuzz_fail("a trace comes back as it was");
    return 0;
}
