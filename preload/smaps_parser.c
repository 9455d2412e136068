/* SPDX-License-Identifier: Apache-2.0 */
/* The text is made by show_map_vma() and show_smap() in the kernel's fs/proc/task_mmu.c. */
#include "smaps_parser.h"

#include "vmtrace/trace_format.h"

#include <string.h>
#include <sys/sysmacros.h>

static const struct {
    const char *name;
    enum smaps_size size;
} fields[] = {
    {"Rss", SMAPS_RSS},
    {"Pss", SMAPS_PSS},
    {"Shared_Clean", SMAPS_SHARED_CLEAN},
    {"Shared_Dirty", SMAPS_SHARED_DIRTY},
    {"Private_Clean", SMAPS_PRIVATE_CLEAN},
    {"Private_Dirty", SMAPS_PRIVATE_DIRTY},
    {"Anonymous", SMAPS_ANONYMOUS},
    {"AnonHugePages", SMAPS_HUGE},
    {"ShmemPmdMapped", SMAPS_HUGE},
    {"FilePmdMapped", SMAPS_HUGE},
    {"Swap", SMAPS_SWAP},
    {"Locked", SMAPS_LOCKED},
};

static uint64_t hex(const char **at, const char *end)
{
    uint64_t value = 0;
    for (; *at < end; (*at)++) {
        char c = **at;
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else
            break;
        value = value << 4 | digit;
    }
    return value;
}

static uint64_t decimal(const char **at, const char *end)
{
    uint64_t value = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
        value = value * 10 + (uint64_t)(**at - '0');
    return value;
}

static void skip(const char **at, const char *end, char c)
{
    while (*at < end && **at == c)
        (*at)++;
}

static unsigned permissions(const char **at, const char *end)
{
    static const struct {
        char letter;
        unsigned flag;
    } known[] = {{'r', VMT_REGION_READ},
                 {'w', VMT_REGION_WRITE},
                 {'x', VMT_REGION_EXECUTE},
                 {'s', VMT_REGION_SHARED}};
    unsigned flags = 0;
    for (; *at < end && **at != ' '; (*at)++) {
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            flags |= known[i].letter == **at ? known[i].flag : 0;
    }
    return flags;
}

/* The kernel writes a newline as \012 and escapes nothing else. */
static void copy_name(struct smaps_region *region, const char *at, const char *end)
{
    region->name_length = 0;
    while (at < end && region->name_length < SMAPS_NAME_MAX) {
        bool newline = end - at >= 4 && memcmp(at, "\\012", 4) == 0;
        region->name[region->name_length++] = newline ? '\n' : *at;
        at += newline ? 4 : 1;
    }
}

/* "7f0c1000-7f0c2000 r-xp 00001000 fe:00 1234          /path" */
static void read_header(struct smaps_parser *parser)
{
    struct smaps_region *region = &parser->region;
    const char *at = parser->line, *end = at + parser->length;
    region->start = hex(&at, end);
    skip(&at, end, '-');
    region->length = hex(&at, end) - region->start;
    skip(&at, end, ' ');
    region->flags = permissions(&at, end) | VMT_REGION_NO_SIZES;
    skip(&at, end, ' ');
    region->offset = hex(&at, end);
    skip(&at, end, ' ');
    uint64_t major = hex(&at, end);
    skip(&at, end, ':');
    region->device = makedev((unsigned)major, (unsigned)hex(&at, end));
    skip(&at, end, ' ');
    region->inode = decimal(&at, end);
    skip(&at, end, ' ');
    copy_name(region, at, end);
    memset(region->sizes, 0, sizeof(region->sizes));
}

/* "Rss:                 123 kB" */
static void read_field(struct smaps_parser *parser)
{
    const char *at = parser->line, *end = at + parser->length;
    const char *colon = memchr(at, ':', parser->length);
    if (!colon)
        return;
    size_t length = (size_t)(colon - at);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strlen(fields[i].name) != length || memcmp(fields[i].name, at, length) != 0)
            continue;
        at = colon + 1;
        skip(&at, end, ' ');
        parser->region.sizes[fields[i].size] += decimal(&at, end) * 1024;
        if (fields[i].size == SMAPS_RSS)
            parser->region.flags &= ~VMT_REGION_NO_SIZES;
    }
}

/* Fields begin with a capital letter, addresses have small ones. */
static bool is_header(const struct smaps_parser *parser)
{
    char c = parser->length ? parser->line[0] : 'A';
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

void smaps_begin(struct smaps_parser *parser)
{
    parser->open = parser->pending = false;
    parser->length = 0;
}

/* Appends up to the end of the line.  True: it is whole. */
static bool gather(struct smaps_parser *parser, const char **at, const char *end)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    size_t count = (size_t)((newline ? newline : end) - *at);
    size_t room = SMAPS_LINE_MAX - parser->length;
    size_t taken = count < room ? count : room;
    memcpy(parser->line + parser->length, *at, taken);
    parser->length += taken;
    *at = newline ? newline + 1 : end;
    return newline != NULL;
}

static void begin_region(struct smaps_parser *parser)
{
    read_header(parser);
    parser->open = true;
    parser->pending = false;
    parser->length = 0;
}

bool smaps_next(struct smaps_parser *parser, const char **at, const char *end)
{
    if (parser->pending)
        begin_region(parser);
    while (*at < end && gather(parser, at, end)) {
        if (!is_header(parser)) {
            if (parser->open)
                read_field(parser);
            parser->length = 0;
        } else if (parser->open) {
            parser->pending = true;
            return true;
        } else {
            begin_region(parser);
        }
    }
    return false;
}

bool smaps_end(struct smaps_parser *parser)
{
    if (parser->pending)
        begin_region(parser);
    bool last = parser->open;
    smaps_begin(parser);
    return last;
}

uint64_t smaps_field(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, length) != 0 || at[length] != ':')
            continue;
        at += length + 1;
        while (*at == ' ' || *at == '\t')
            at++;
        return decimal(&at, at + strlen(at)) * 1024;
    }
    return 0;
}
