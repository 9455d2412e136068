/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user does not want to hear of: LeakSanitizer's "leak:PATTERN" lines and valgrind's
 * { ... } blocks, which may stand in one file.
 *
 *     list = suppression_list_new();
 *     suppression_list_read(list, "my.supp", &error);
 *     s = suppression_list_match(list, &query);
 *
 * Lines and blocks for other tools are counted and left out.  docs/suppressions.md is what users
 * read.  Strings belong to the list.
 */
#ifndef VMTRACE_SUPPRESSION_H
#define VMTRACE_SUPPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* Of suppression.kinds: what a leak may be.  An unscanned one is hidden by what hides definite
 * ones, unless that is built-in. */
#define SUPPRESSION_DEFINITE 1u
#define SUPPRESSION_INDIRECT 2u
#define SUPPRESSION_POSSIBLE 4u
#define SUPPRESSION_REACHABLE 8u
#define SUPPRESSION_UNSCANNED 16u
#define SUPPRESSION_ALL 31u

enum suppression_type {
    SUPPRESSION_LEAK,
    SUPPRESSION_FREE, /* Memcheck:Free: wrong releases */
};

struct suppression_frame {
    enum { FRAME_FUNCTION, FRAME_OBJECT, FRAME_SOURCE, FRAME_ANY } kind; /* ANY: 0 or more */
    const char *pattern; /* with * and ?; NULL of ANY */
    int line;            /* of SOURCE; 0: any */
};

struct suppression {
    enum suppression_type type;
    const char *name;                       /* valgrind's, or LeakSanitizer's pattern */
    const char *file;                       /* that it stands in */
    unsigned line;                          /* from 1 */
    unsigned kinds;                         /* SUPPRESSION_*, of leaks */
    const char *pattern;                    /* LeakSanitizer's: function, file or module of any
                                               frame; NULL: what follows, from the innermost on */
    const struct suppression_frame *frames; /* at least one */
    size_t frame_count;
    bool builtin;
    uint64_t matches, blocks, bytes; /* for the user of the list to count */
};

/* A file of which something was left out. */
struct suppression_skip {
    const char *file;
    const char *first; /* what, as it stands there */
    unsigned line;     /* of the first one */
    size_t count;
};

struct suppression_list { /* read only, but for the counts of its suppressions */
    struct arena *arena;
    struct suppression *items; /* as they were read; the first match counts */
    size_t count, capacity;
    struct suppression_skip *skips;
    size_t skip_count, skip_capacity;
};

/* NULL when out of memory. */
struct suppression_list *suppression_list_new(void);
void suppression_list_free(struct suppression_list *list);

/* Adds what the file, or a text that is called `file`, says.  On failure what came before
 * stays in the list; the message begins with "FILE:LINE: ". */
enum vmt_error suppression_list_read(struct suppression_list *list, const char *path,
                                     struct error *error);
enum vmt_error suppression_list_parse(struct suppression_list *list, const char *file,
                                      const char *text, size_t size, struct error *error);

/* Adds those of another list, with counts of 0.  Their strings stay the other's, which must live as
 * long.  False when out of memory. */
bool suppression_list_join(struct suppression_list *list, const struct suppression_list *other);

/* Adds those of the C library, its loader and libstdc++. */
enum vmt_error suppression_list_add_builtin(struct suppression_list *list, struct error *error);

/* Adds those of reachable blocks that they keep for themselves until the end. */
enum vmt_error suppression_list_add_library_caches(struct suppression_list *list,
                                                   struct error *error);

#define SUPPRESSION_NAMES 4

/* One frame of a stack. */
struct suppression_place {
    const char *names[SUPPRESSION_NAMES]; /* the function's, in each spelling; NULL: no more */
    const char *file;                     /* or NULL */
    const char *module;                   /* or NULL */
    int line;
    bool inlined; /* into the next one */
};

struct suppression_query {
    enum suppression_type type;
    unsigned kind;                          /* of a leak: one of SUPPRESSION_* */
    const struct suppression_place *places; /* innermost first, the allocator's function too */
    size_t count;
};

/* The first that fits, or NULL.  valgrind's are tried with and without inlined frames. */
struct suppression *suppression_list_match(const struct suppression_list *list,
                                           const struct suppression_query *query);

/* Whether all of `text` is as `pattern` says: * stands for any characters, ? for one. */
bool suppression_glob(const char *pattern, const char *text);

/* LeakSanitizer's: any part of `text`, unless ^ begins or $ ends the pattern. */
bool suppression_template(const char *pattern, const char *text);

#endif
