/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_read.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/trace_model.h"
#include "model_invariants.h"
#include "query/report.h"

void fuzz_fail(const char *what)
{
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

void fuzz_read(const uint8_t *bytes, size_t size)
{
    const struct report_options options = {.resolve = false};
    struct error error = {.code = VMT_OK};
    struct trace_model *model = trace_model_new();
    if (!model)
        return;
    enum vmt_error code = trace_model_read_memory(model, bytes, size, &error);
    if (code == VMT_OK) {
        const char *broken = model_invariants_broken(model);
        if (broken)
            fuzz_fail(broken);
        struct report *report = report_new(model, &options);
        if (report && report->live_blocks_at_end < report->leaked_blocks)
            fuzz_fail("leaked_blocks <= live_blocks_at_end");
        report_free(report);
    } else if (error.message[0] == '\0') {
        fuzz_fail("every error has a message");
    }
    trace_model_free(model);
}
