/* SPDX-License-Identifier: Apache-2.0 */
/* Records of what is in memory, for the trace builder. */
#ifndef VMTRACE_TESTS_RESIDENCY_FIXTURE_H
#define VMTRACE_TESTS_RESIDENCY_FIXTURE_H

#include "model_fixture.h"

#define PAGE U(4096)
#define PRESENT U(VMT_PAGE_PRESENT | VMT_PAGE_EXCLUSIVE)
#define OF_FILE U(VMT_PAGE_PRESENT | VMT_PAGE_FILE)
#define READ_WRITE U(VMT_REGION_READ | VMT_REGION_WRITE)

static inline void fixture_begin(struct builder_stream *stream, enum vmt_residency reason,
                                 const char *name)
{
    builder_cold(stream, VMT_OP_RESIDENCY, "uuuuuus", U(reason), U(0), U(0), U(0), U(0), U(0),
                 name);
}

struct fixture_region {
    uint64_t start, pages, rss; /* rss in bytes */
    uint64_t flags, offset, inode, huge;
    const char *name; /* NULL: none */
};

/* `shared` bytes of it are other processes', too, and pss is less than rss by `saved`. */
static inline void fixture_shared_region(struct builder_stream *stream,
                                         struct fixture_region region, uint64_t shared,
                                         uint64_t saved)
{
    builder_cold(stream, VMT_OP_REGION, "uuuuuuuuuuuuuuuus", region.start, region.pages * PAGE,
                 region.flags, region.offset, U(0), region.inode, region.rss, region.rss - saved,
                 U(0), shared, U(0), region.rss - shared, region.rss, region.huge, U(0), U(0),
                 region.name ? region.name : "");
}

static inline void fixture_region(struct builder_stream *stream, struct fixture_region region)
{
    fixture_shared_region(stream, region, 0, 0);
}

/* `pages` pages from `start` on that are in `state`. */
static inline void fixture_pages(struct builder_stream *stream, uint64_t start, uint64_t pages,
                                 uint64_t state)
{
    builder_cold(stream, VMT_OP_PAGES, "uuu", start, PAGE, pages << 4 | state);
}

static inline void fixture_end(struct builder_stream *stream, uint64_t rss)
{
    builder_cold(stream, VMT_OP_RESIDENCY_END, "uuuuuu", U(0), rss, rss, U(0), U(0), U(1000));
}

static inline uint64_t fixture_part(const struct trace_model *model, enum residency_part part)
{
    return residency_model_last(&model->residency)->parts[part].resident;
}

/* The site of a snapshot by its number, which counts sites in the order of their appearance. */
static inline const struct residency_site *fixture_site(const struct residency *snapshot,
                                                        uint32_t number)
{
    for (size_t i = 0; i < snapshot->site_count; i++)
        if (snapshot->sites[i].site == number)
            return &snapshot->sites[i];
    ck_abort_msg("no such site");
    return NULL;
}

#endif
