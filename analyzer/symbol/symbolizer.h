/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses to functions, files and lines.
 *
 * Use: symbolizer_new, symbolizer_resolve for each (module, offset) wanted,
 * symbolizer_free.  Modules are opened on first use and each at most once; a
 * binary that is missing, unreadable or not the one that ran (its build-id
 * differs) only costs its own names: frames then carry module and offset, and
 * symbolizer_problem_next tells what was wrong, once per module.
 *
 * Look-up order for a module: the file at `path` below sysroot when its build-id
 * matches, separate debug files by build-id (DIR/.build-id/xx/yyyy.debug for each
 * debug directory) and by .gnu_debuglink, debuginfod when the user set DEBUGINFOD_URLS
 * (libdwfl does that), then the symbol table alone.
 */
#ifndef VMTRACE_SYMBOLIZER_H
#define VMTRACE_SYMBOLIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbolizer;

struct symbolizer_options {
    const char *sysroot;           /* prefix for module paths, or NULL */
    const char *const *debug_dirs; /* extra debug directories, NULL-terminated, or NULL */
    uint32_t pid;                  /* whose /tmp/perf-PID.map names JIT code */
    bool same_machine;             /* perf map and paths of this machine can be believed */
};

/* What the trace tells of a module. */
struct symbol_module {
    const char *path;
    const uint8_t *build_id; /* may be NULL */
    size_t build_id_size;
    uint64_t bias; /* run-time address = address in the file + bias */
};

/* One function at an address.  Strings belong to the symbolizer and live as long as it. */
struct symbol_frame {
    const char *function;     /* demangled, or NULL */
    const char *linkage;      /* the linker's name for it, or NULL if that is not known */
    const char *file;         /* source file as DWARF names it, absolute where known, or NULL */
    int line;                 /* 0 when unknown */
    uint64_t function_offset; /* address - start of the function (0 if function is NULL) */
    bool inlined;             /* this frame was inlined into the next one of the array */
};

/* NULL only when out of memory. */
struct symbolizer *symbolizer_new(const struct symbolizer_options *options);
void symbolizer_free(struct symbolizer *symbolizer);

/* Goes on with another process, whose binaries may be the same. */
void symbolizer_next_process(struct symbolizer *symbolizer, uint32_t pid);

/* How many binaries are open, each with its debug information. */
size_t symbolizer_binaries(const struct symbolizer *symbolizer);

/* The functions at `address` (run-time address inside `module`), innermost first: inlined
 * ones, then the one that stands there.  `module` may be NULL: JIT code, looked up in the
 * perf map.  `address` is looked up as it is: the caller subtracts 1 from return addresses.
 * *count is at least 1; the array belongs to the symbolizer and lives as long as it. */
const struct symbol_frame *symbolizer_resolve(struct symbolizer *symbolizer,
                                              const struct symbol_module *module, uint64_t address,
                                              size_t *count);

/* The object (variable) that covers `address`, by the symbol table; NULL if none.
 * *offset is set to the distance from its start. */
const char *symbolizer_object(struct symbolizer *symbolizer, const struct symbol_module *module,
                              uint64_t address, uint64_t *offset);

/* The part of a binary that an address lies in, by its program headers. */
enum symbol_segment {
    SYMBOL_SEGMENT_UNKNOWN, /* in none, or the file is not there */
    SYMBOL_SEGMENT_CODE,
    SYMBOL_SEGMENT_CONSTANT, /* read-only */
    SYMBOL_SEGMENT_DATA,     /* writable, from the file */
    SYMBOL_SEGMENT_BSS,      /* writable, from no file */
};

enum symbol_segment symbolizer_segment(struct symbolizer *symbolizer,
                                       const struct symbol_module *module, uint64_t address);

/* What could not be read, one line per module ("libfoo.so: build-id differs from the one that
 * ran; names may be missing").  *position starts at 0; NULL at the end. */
const char *symbolizer_problem_next(const struct symbolizer *symbolizer, size_t *position);

/* Demangles C++ (Itanium), Rust and D names.  Returns malloc'd text, or NULL when `name` is
 * not a mangled one. */
char *symbol_demangle(const char *name);

#endif
