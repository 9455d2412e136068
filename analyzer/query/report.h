/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report consists of: plain results, made by query/, shown by render/.
 *
 * Everything is owned by the struct report (one arena) and lives until
 * report_free.  Lists are complete and sorted by what the reader wants first;
 * cutting them to --top is the renderers' work.  Sizes are bytes, times are
 * nanoseconds since the start of the traced process; a value that could not be
 * known is REPORT_UNKNOWN, never 0.
 */
#ifndef VMTRACE_REPORT_H
#define VMTRACE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query/report_memory.h"
#include "query/report_retention.h"

#define REPORT_UNKNOWN UINT64_MAX

struct report_frame {
    const char *function; /* demangled, or NULL */
    const char *linkage;  /* the linker's name for it, or NULL if that is not known */
    const char *file;     /* or NULL */
    int line;             /* 0: unknown */
    const char *module;   /* path of the binary, or NULL (JIT, unknown) */
    uint64_t offset;      /* address in the module's file (run-time address if module is NULL) */
    uint64_t function_offset;
    bool inlined;
    bool application; /* the program's own code: not libc, ld.so, the tracer, nor what headers of
                         the system (libstdc++'s templates) put into it */
    bool allocator;   /* by its name a wrapper around malloc, as programs have them */
    uint32_t number;  /* in report.frames; the same frame has it in every stack */
};

/* Innermost frame (closest to the allocator) first. */
struct report_stack {
    const struct report_frame *frames;
    size_t count;
    bool cut;  /* outer frames are missing */
    bool lost; /* the stack itself was lost with a damaged part of the trace */
};

/* Half the width of the 95 % interval of an estimate in a sampled trace; 0 of an exact figure.
 * Where no sample was, the estimate is 0 and this an upper bound. */
struct report_margin {
    uint64_t bytes, blocks;
};

/* Blocks with one call stack, over the whole run (or the part asked for). */
struct report_site {
    const char *kind; /* "malloc", "new[]", "mmap", "pool NAME", ... or "mixed" */
    const struct report_stack *stack;
    uint64_t allocations;
    uint64_t bytes_allocated;
    uint64_t temporary;  /* freed before the same thread allocated again */
    uint64_t peak_bytes; /* live bytes of this site at the process' peak */
    uint64_t peak_blocks;
    uint64_t own_peak_bytes; /* the most this site had live at any moment; REPORT_UNKNOWN if
                                not tracked */
    uint64_t live_bytes;     /* at the end */
    uint64_t live_blocks;
    uint64_t first_ns, last_ns; /* first and last allocation */
    uint64_t largest;           /* largest single block */
    uint64_t minor_faults;      /* of its memory, and those counted at its events: */
    uint64_t major_faults;
    uint64_t counted_minor, counted_major;  /* without an address */
    uint64_t failed;                        /* calls that returned NULL */
    uint64_t resident_bytes, swapped_bytes; /* at the end, or REPORT_UNKNOWN */
    bool estimated;    /* from samples: heap sites of a sampled trace, all but faults and failed */
    uint64_t recorded; /* allocations whose records there are */
    bool inherited;    /* of blocks and mappings that a forked child has from its parent, and not of
                          its own: only live_*, largest, faults and what is resident say anything */
    struct report_margin allocated_margin, live_margin, peak_margin;
};

/* Why a page had to be brought in. */
enum report_fault_kind {
    REPORT_FAULT_FIRST,  /* anonymous memory, touched for the first time */
    REPORT_FAULT_HUGE,   /* the same, and a huge page came */
    REPORT_FAULT_CACHED, /* a file's page, from the page cache */
    REPORT_FAULT_DISK,   /* a file's page, from the disk */
    REPORT_FAULT_COPY,   /* shared since a fork, now copied */
    REPORT_FAULT_WRITE,  /* had only been read, now written */
    REPORT_FAULT_RETURN, /* had been given back to the kernel */
    REPORT_FAULT_SWAP,   /* had been swapped out */
    REPORT_FAULT_STACK,  /* a stack grew */
    REPORT_FAULT_KINDS,
};

/* Some faults; minor + major = the sum of the kinds. */
struct report_fault_counts {
    uint64_t minor, major;
    uint64_t kinds[REPORT_FAULT_KINDS];
    uint64_t kernel;   /* of all, those taken inside system calls */
    uint64_t inferred; /* of all, those whose addresses the kernel's ring had no room for */
};

/* What was touched. */
struct report_fault_target {
    const char *kind; /* "heap", "mapping", "file", "stack", "data", "code", "allocator", "tracer",
                         "other" */
    const char *name; /* file, variable, thread, ...; or NULL */
    const char *module;                 /* path of the binary whose data or code it is, or NULL */
    const struct report_site *site;     /* that allocated or mapped it, or NULL */
    uint64_t first_offset, last_offset; /* of the touched bytes in a mapped file; else
                                           REPORT_UNKNOWN */
    const struct report_stack *giver;   /* who gave such pages back to the kernel last, or NULL */
    struct report_fault_counts counts;
};

/* What touched it: the exact instruction, with its callers if the recorder was asked for them. */
struct report_fault_code {
    const struct report_stack *stack; /* NULL: not known (the kernel, for a system call) */
    struct report_fault_counts counts;
};

struct report_fault {
    const struct report_fault_code *code;
    const struct report_fault_target *target;
    struct report_fault_counts counts;
};

/* Where the process's faults (minor and major) are in this report:
 *     described + inferred = the sum of all pairs
 *     total = described + inferred + counted + lost + before + unseen, unless total is unknown */
struct report_fault_totals {
    uint64_t total;     /* by getrusage; REPORT_UNKNOWN where it did not say */
    bool at_least;      /* ... before the end: there may have been more */
    uint64_t described; /* with address and code */
    uint64_t inferred;  /* next to described ones, in one walk through one block */
    uint64_t counted;   /* without: they hang on the event that came next */
    uint64_t lost;      /* like these: the kernel's ring was overrun, or not there yet */
    uint64_t before;    /* before recording began */
    uint64_t unseen; /* inside system calls, where the recorder has no privilege; by threads without
                        any event */
    uint64_t owned;  /* of described and inferred, those whose owner is known */
    uint64_t minor_ns, major_ns; /* what one costs */
    /* ... by the recorder, in the process that was traced; else they are assumed */
    bool minor_measured, major_measured;
    uint64_t estimated_ns; /* of all that are known, or total */
    /* The densest part of the time line: faults a second from fastest_ns on; 0: it is too short. */
    uint64_t fastest, fastest_ns, fastest_length_ns;
};

enum report_leak_class {
    REPORT_LEAK_DEFINITE,
    REPORT_LEAK_INDIRECT,
    REPORT_LEAK_POSSIBLE,
    REPORT_LEAK_REACHABLE,
    REPORT_LEAK_UNSCANNED,
};

struct report_object {
    uint64_t address, bytes;
};

struct report_leak {
    enum report_leak_class class;
    const struct report_site *site;
    uint64_t bytes, blocks;
    uint64_t oldest_ns, newest_ns; /* when the live blocks were allocated */
    bool suppressed;
    const char *pool; /* name of the program's own pool, or NULL */
    bool estimated;
    uint64_t recorded; /* blocks whose records there are */
    struct report_margin margin;
    /* Definite ones only: the indirect ones that are lost with them, which have entries of their
     * own sites, too. */
    uint64_t indirect_bytes, indirect_blocks;
    uint64_t scans_seen;                  /* complete scans that found definite blocks there */
    uint64_t before_bytes, before_blocks; /* definite at the complete scan before */
    const struct report_scan *before;     /* that one, or NULL */
    /* Lost and possibly lost ones, by address, if LSAN_OPTIONS of the program ask for them. */
    struct report_object *objects;
    size_t object_count;
};

/* A look at all memory for pointers. */
struct report_scan {
    uint64_t number;
    const char *reason; /* "exit", "snapshot", "signal", "lsan" */
    const char *name;   /* of the snapshot, or "" */
    uint64_t t_ns;
    const char *stop; /* how other threads were stopped: "alone", "ptrace", "signal", "none" */
    uint64_t threads, stopped;
    uint64_t pause_ns, duration_ns, pointers, unreadable_bytes;
    const char *failure; /* why it says nothing, or NULL */
    bool certain;        /* what it found to be lost is; else it is only possible */
    bool all_blocks;     /* it knew all blocks; else memory of others counted as used */
    struct {
        uint64_t bytes, blocks;
    } classes[4]; /* by enum report_leak_class */
};

struct report_sample {
    uint64_t t_ns, rss_bytes, virtual_bytes, live_bytes, minor_faults, major_faults;
    uint64_t swap_bytes;
    uint64_t free_heap_bytes; /* resident, kept by the allocator: known where a snapshot followed */
};

struct report_phase {
    const char *name;
    uint64_t begin_ns, end_ns; /* end of the run if never ended */
    bool ended;
    uint64_t allocations, frees, bytes_allocated; /* during the phase */
    uint64_t live_bytes_begin, live_bytes_end;
    uint64_t survivors_bytes, survivors_blocks; /* allocated in the phase, live at its end */
    uint64_t leaked_bytes, leaked_blocks; /* allocated in the phase, and definitely or indirectly
                                             lost (suppressed or not); REPORT_UNKNOWN: no scan */
    uint64_t peak_live_bytes;
};

#define REPORT_NO_RESIDENCY SIZE_MAX

struct report_snapshot {
    const char *name;
    uint64_t t_ns, live_bytes, live_blocks;
    uint64_t rss_bytes; /* of its residency, else of the time line's last point before it */
    size_t residency;   /* index in report_memory; REPORT_NO_RESIDENCY: none was taken */
};

struct report_thread {
    uint32_t tid;
    const char *name; /* or NULL */
    uint64_t allocations, frees, bytes_allocated, minor_faults, major_faults;
};

struct report_mapping { /* program's mmap calls, by call stack */
    const struct report_site *site;
    uint64_t calls, bytes_mapped, live_bytes, live_mappings;
    const char *name; /* file, or NULL */
};

struct report_pool {
    const char *name;
    uint64_t allocations, frees, bytes_allocated, live_bytes, live_blocks, peak_bytes;
};

/* A register that, at a crash, held something that explains it. */
struct report_register {
    const char *words; /* "rdi is 0x5581, 8 bytes into a block of 40 bytes, freed" */
    const struct report_stack *allocated, *freed; /* of that block, or NULL */
};

struct report_error {
    const char *kind; /* "double-free", "invalid-free", "mismatched-free", "realloc-after-free",
                         "munmap-of-heap", "segfault", "abort", "bus-error",
                         "illegal-instruction", "floating-point" */
    uint64_t address, t_ns;
    uint32_t tid;
    uint64_t count;                       /* the same kind with the same stacks */
    const struct report_stack *stack;     /* where it happened; NULL if not known */
    const struct report_stack *allocated; /* of the block concerned, or NULL */
    const struct report_stack *freed;     /* earlier release, or NULL */
    bool suppressed;
    const char *detail; /* "24 bytes into a block of 40 bytes, freed", or NULL */
    const char *hint;   /* what to do about a stack that is missing, or NULL */
    bool handled;       /* a handler of the program's took the signal, and it did not end of it */
    bool follows;       /* a crash that the wrong release before it has led to */
    bool mapping;       /* `allocated` and `freed` are of a mapping, not of a block */
    const struct report_register *registers;
    size_t register_count;
};

/* A suppression that was asked for, whether it hid anything or not; built-in ones only if so. */
struct report_suppression {
    const char *name, *file; /* file: "built-in", ... */
    unsigned line;
    const char *type; /* "leak" (LeakSanitizer's), "Memcheck:Leak", "Memcheck:Free" */
    bool builtin;
    uint64_t matches, blocks,
        bytes; /* leaks (or errors) that it hid by their stacks, their blocks */
};

/* Children that became a program that leaves no trace. */
struct report_untraced {
    uint32_t pid;       /* 0: not known, or several */
    const char *path;   /* as it was executed */
    const char *reason; /* what it was: "statically linked", ... */
    uint64_t t_ns;      /* of the first */
    uint64_t count;
};

enum report_end {
    REPORT_END_EXIT,
    REPORT_END_SIGNAL,
    REPORT_END_EXEC,
    REPORT_END_KILLED,
    REPORT_END_RUNNING
};

struct report_module {
    const char *path;
    uint64_t start, end;
    char build_id[129]; /* hex, or empty */
};

/* What a forked child has from its parent, as the parent's trace tells. */
struct report_inherited {
    const char *state; /* "taken", or why not: "untold", "missing", "other", "unreadable", "large";
                          NULL if the process was not forked */
    const char *trace; /* the parent's, or NULL */
    uint32_t pid;      /* the parent's, 0 if not known */
    bool taken;
    uint64_t blocks, bytes, mappings; /* at the fork */
    uint64_t live_blocks, live_bytes; /* of these at the end */
    uint64_t copies;                  /* faults that copied a page of them */
    const struct report_site *copied; /* most of these; NULL: none */
    uint64_t copied_faults;           /* how many */
};

struct report {
    /* process */
    uint32_t pid, ppid;
    const char *exe;
    const char *const *argv;
    size_t argc;
    uint64_t start_time_ns; /* since the epoch */
    uint64_t duration_ns;
    enum report_end end;
    int exit_status;       /* -1: not known */
    int signal;            /* 0: none */
    const char *successor; /* REPORT_END_EXEC: what took its place, and why it was not traced:
                              "./tool (statically linked)"; or NULL */
    bool forked;           /* began as a fork of another traced process */
    bool idle;             /* ... and allocated nothing: it has nothing of its own to lose */
    struct report_inherited inherited;
    const char *trace_path;
    struct {
        const char *key, *value;
    } const *facts;
    size_t fact_count;

    /* A sampled trace (VMTRACE_SAMPLE): all that is about the heap is estimated. */
    uint64_t sample_interval; /* bytes; 0: it is not */
    uint64_t recorded;        /* allocations whose records there are */
    struct report_margin allocated_margin, freed_margin, peak_margin, live_margin, leaked_margin;

    /* summary */
    uint64_t allocations, frees, bytes_allocated, bytes_freed, failed_allocations, reallocations;
    uint64_t temporary;
    uint64_t peak_live_bytes, peak_live_blocks; /* at the moment of the highest live bytes */
    uint64_t peak_t_ns;
    uint64_t most_live_blocks; /* highest number of live blocks at any moment */
    uint64_t most_live_blocks_t_ns;
    uint64_t live_bytes_at_end, live_blocks_at_end;
    uint64_t leaked_bytes, leaked_blocks;
    uint64_t mapped_bytes, unmapped_bytes, map_calls,
        unmap_calls; /* the program's own mmap/munmap */
    uint64_t live_mapped_bytes;
    uint64_t advise_calls, advised_bytes; /* madvise(MADV_DONTNEED) and (MADV_FREE) */
    uint64_t minor_faults, major_faults; /* process totals by getrusage; REPORT_UNKNOWN if no end */
    uint64_t attributed_minor, attributed_major; /* part of it that hangs on events */
    const char *fault_source;                    /* "perf", "rusage", "off" */
    bool kernel_faults;
    bool exact_faults;       /* each event has the faults up to it, whatever the source */
    uint64_t peak_rss_bytes; /* REPORT_UNKNOWN if never sampled */
    uint64_t rss_at_end_bytes, virtual_at_end_bytes;
    uint64_t lost_events;
    const char *loss;         /* why they were lost, and what to do about it; NULL: none were */
    uint64_t inherited_frees; /* blocks of before a fork, a pause or the tracer's start */
    uint64_t impossible;      /* transitions that the heap model could not explain: 0 in a
                                 healthy trace */
    const char *scan;         /* "complete", "off", "failed: WHY" */
    uint64_t threads_seen;
    uint64_t user_cpu_ns, system_cpu_ns;
    uint64_t trace_bytes, trace_events;

    const struct report_frame *const *frames;
    size_t frame_count; /* each once, by number */

    /* lists; sites hold every site once, sorted by bytes allocated */
    const struct report_site *const *sites;
    size_t site_count;
    size_t inherited_site_count; /* the last of them */
    const struct report_site *const *peak_sites;
    size_t peak_site_count; /* by peak_bytes */
    const struct report_site *const *temporary_sites;
    size_t temporary_site_count;
    const struct report_site *const *fault_sites;
    size_t fault_site_count; /* by counted_* */
    const struct report_site *const *growth_sites;
    size_t growth_site_count; /* by live bytes at end */
    /* By faults, where perf events described them; else all empty. */
    const struct report_fault *faults;
    size_t fault_count;
    const struct report_fault_code *const *fault_codes;
    size_t fault_code_count;
    const struct report_fault_target *const *fault_targets;
    size_t fault_target_count;
    const char *const *fault_hints;
    size_t fault_hint_count; /* sentences */
    struct report_fault_totals fault_totals;
    const struct report_leak *leaks;
    size_t leak_count; /* by class, bytes */
    const struct report_scan *scans;
    size_t scan_count;               /* by time */
    const struct report_scan *judge; /* that the leaks' classes are from, or NULL */
    const struct report_sample *samples;
    size_t sample_count;
    const struct report_phase *phases;
    size_t phase_count;
    const struct report_snapshot *snapshots;
    size_t snapshot_count;
    const struct report_thread *threads;
    size_t thread_count;
    const struct report_mapping *mappings;
    size_t mapping_count; /* by live, then mapped bytes */
    const struct report_pool *pools;
    size_t pool_count;
    const struct report_error *errors;
    size_t error_count;
    const struct report_untraced *untraced;
    size_t untraced_count; /* by time */
    const struct report_suppression *suppressions;
    size_t suppression_count;                     /* as they were read */
    uint64_t suppressed_bytes, suppressed_blocks; /* that would else be in leaked_* */
    const struct report_memory *memory;           /* what was resident, never NULL */
    const struct report_retention *retention;     /* NULL: no scan judged, or it is sampled */
    const struct report_module *modules;
    size_t module_count;
    const char *const *notes;
    size_t note_count;   /* what a reader must know: damage,
                            losses, missing symbols, why there
                            are no allocations */
    size_t damage_count; /* the first so many notes tell what is missing because the file is
                            damaged or cut off; the command line repeats them on stderr */
    void *arena;         /* private */
};

struct suppression_list;
struct trace_model;
struct symbolizer_options;

struct report_options {
    const struct symbolizer_options *symbols; /* its pid is ignored: the trace knows it */
    struct symbolizer *symbolizer;            /* of earlier reports, to go on with; NULL: a new one,
                                                 for this report only */
    bool resolve;                             /* false: leave names out (fuzzers, quick totals) */
    bool findings_only; /* leaks, errors and the trend of the memory: no retention, no faults, no
                           facts */
    /* called now and then with 0..1000 per mille of the work done; may be NULL */
    void (*progress)(void *context, const char *what, unsigned per_mille);
    void *progress_context;
    const struct suppression_list *suppressions; /* the user's, or NULL */
    const struct suppression_list *builtin;      /* ours, for many reports; NULL: read here */
};

/* Builds the results from a model that has taken in the whole trace.  The model may be freed
 * afterwards.  NULL only when out of memory. */
struct report *report_new(const struct trace_model *model, const struct report_options *options);
void report_free(struct report *report);

#endif
