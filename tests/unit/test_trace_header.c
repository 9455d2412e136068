/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/trace_header.h"

#include <string.h>

#include "trace_builder.h"
#include "unit_main.h"

static struct trace_builder *builder;
static struct error error;

static enum vmt_error read_bytes(const void *bytes, size_t size)
{
    struct source *source;
    struct vmt_file_header header;
    ck_assert_int_eq(source_from_memory(bytes, size, &source, &error), VMT_OK);
    enum vmt_error code = trace_header_read(source, &header, &error);
    source_free(source);
    return code;
}

static enum vmt_error read_built(void)
{
    size_t size;
    const uint8_t *bytes = trace_builder_bytes(builder, &size);
    return read_bytes(bytes, size);
}

START_TEST(trace_header_other_files_are_told_apart)
{
    ck_assert_int_eq(read_bytes("", 0), VMT_ERROR_EMPTY);
    ck_assert_int_eq(read_bytes("hello world, this is a text", 27), VMT_ERROR_NOT_TRACE);
    ck_assert_int_eq(read_bytes("\x7f"
                                "ELF",
                                4),
                     VMT_ERROR_NOT_TRACE);
    ck_assert_int_eq(read_bytes("\x89VMT\r\n\x1a\n", 8), VMT_ERROR_HEADER_CUT);
    ck_assert_int_eq(read_bytes("\x89VM", 3), VMT_ERROR_HEADER_CUT);
    ck_assert_int_eq(read_bytes("\x09VMT\r\n\x1a\n", 8), VMT_ERROR_MANGLED);
    ck_assert_int_eq(read_bytes("\x89VMT\n\x1a\n", 7), VMT_ERROR_MANGLED);
}
END_TEST

START_TEST(trace_header_good_one_is_accepted)
{
    builder = trace_builder_new();
    ck_assert_int_eq(read_built(), VMT_OK);
    trace_builder_free(builder);
}
END_TEST

START_TEST(trace_header_impossible_fields_are_refused)
{
    static const uint32_t page_sizes[] = {0, 512, 4095, 4097, 0x80000000u};
    builder = trace_builder_new();
    struct vmt_file_header *header = trace_builder_header(builder);
    for (size_t i = 0; i < 5; i++) {
        header->page_size = page_sizes[i];
        ck_assert_int_eq(read_built(), VMT_ERROR_HEADER);
    }
    header->page_size = 65536;
    ck_assert_int_eq(read_built(), VMT_OK);
    header->chunk_size = 0;
    ck_assert_int_eq(read_built(), VMT_ERROR_HEADER);
    header->chunk_size = 65536;
    header->clock = 3;
    ck_assert_int_eq(read_built(), VMT_ERROR_HEADER);
    header->clock = VMT_CLOCK_COUNTER;
    header->header_size = 128;
    ck_assert_int_eq(read_built(), VMT_ERROR_HEADER);
    header->version = 2;
    ck_assert_int_eq(read_built(), VMT_ERROR_VERSION);
    ck_assert_ptr_nonnull(strstr(error.message, "version 2"));
    trace_builder_free(builder);
}
END_TEST

UNIT_MAIN("trace_header", trace_header_other_files_are_told_apart,
          trace_header_good_one_is_accepted, trace_header_impossible_fields_are_refused)
