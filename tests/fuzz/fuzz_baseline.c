/* SPDX-License-Identifier: Apache-2.0 */
/* A baseline of any bytes: read, or refused with a line; what was read is written, and reads back
 * the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_trace.h"
#include "gate/baseline.h"

static void check(bool good)
{
    if (!good)
        abort();
}

/* The baseline of the bytes.  The loader wants a path, so they go through a file in memory. */
static enum vmt_error load(struct baseline *baseline, const void *bytes, size_t size,
                           struct error *error)
{
    char path[32];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && baseline_init(baseline));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    enum vmt_error code = baseline_load(baseline, path, error);
    close(fd);
    return code;
}

static void round_trip(const struct baseline *baseline)
{
    struct baseline again;
    struct error error;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    check(out != NULL);
    baseline_write(baseline, out);
    check(fclose(out) == 0);
    check(load(&again, text, size, &error) == VMT_OK);
    check(again.count == baseline->count);
    for (size_t i = 0; i < again.count; i++) {
        const struct baseline_entry *a = &again.entries[i], *b = &baseline->entries[i];
        check(strcmp(a->key, b->key) == 0 && a->blocks == b->blocks && a->bytes == b->bytes);
        check(i == 0 || strcmp(again.entries[i - 1].key, a->key) < 0);
    }
    baseline_release(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct baseline baseline;
    struct error error = {.code = VMT_OK};
    enum vmt_error code = load(&baseline, bytes, size, &error);
    if (code == VMT_OK)
        round_trip(&baseline);
    else
        check(strncmp(error.message, "/proc/self/fd/", 14) == 0 && !strchr(error.message, '\n'));
    baseline_release(&baseline);
    return 0;
}
