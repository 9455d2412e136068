/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which binaries are mapped where, as the recorder knows it.
 *
 * Look-ups read the table without any lock.  It is brought up to date in two ways:
 * - modules_scan asks the loader for everything (dl_iterate_phdr, which takes the loader's lock):
 *   only where the program itself has just called into the loader or the process begins or ends.
 *   fork() leaves that lock held if another thread had it: a child does modules_refresh instead.
 * - modules_refresh may be called from any hook: it asks glibc's lock-free _dl_find_object (2.35)
 *   for the addresses that look-ups did not find, and whether the known modules are still there.
 * With an older glibc there is no such way, and it is modules_scan.
 *
 * Each change of the kind "a module went away" raises the epoch: program counters remembered
 * from an older epoch may now mean something else.
 */
#ifndef VMTRACE_MODULES_H
#define VMTRACE_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODULE_BUILD_ID_MAX 64
#define MODULE_PATH_MAX 1024

struct module {
    uint64_t start, end;   /* addresses of its loaded segments: [start, end) */
    uint64_t bias;         /* run-time address minus address in the file */
    uint64_t eh_frame_hdr; /* address of PT_GNU_EH_FRAME, 0 if there is none */
    uint64_t eh_frame_hdr_size;
    uint32_t flags; /* VMT_MODULE_* */
};

/* The module that covers `pc`; false if none is known (JIT code, or a module that was loaded a
 * moment ago: then modules_stale becomes true).  Async-signal-safe, lock-free. */
bool modules_find(uint64_t pc, struct module *module);

/* The same for a word that may be no program counter at all: a miss tells nothing. */
bool modules_peek(uint64_t pc, struct module *module);

/* Raised by one whenever a module was unloaded. */
extern uint32_t modules_epoch __attribute__((visibility("hidden")));

/* Where the loader's own code lies; size 0: not known.  It allocates early in each dlopen(), before
 * it maps anything: the moment to find out what was closed behind the recorder's back (libc closes
 * its plug-ins without calling dlclose()), as what comes next may lie at the same place. */
extern struct modules_loader {
    uint64_t start, size;
} modules_loader __attribute__((visibility("hidden")));

static inline bool modules_is_loader(uint64_t pc)
{
    return pc - modules_loader.start < modules_loader.size;
}

/* True if look-ups met addresses that no known module covers since the last refresh. */
bool modules_stale(void);

struct stream;

/* Both write MODULE_LOAD and MODULE_UNLOAD records for what changed into `stream`, and return at
 * once when another thread is at it.  A refresh tells whether it found new modules. */
void modules_scan(struct stream *stream);
bool modules_refresh(struct stream *stream);

/* In a forked child: writes all known modules into its new trace. */
void modules_repeat(struct stream *stream);

#endif
