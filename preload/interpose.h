/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of exported wrappers share. */
#ifndef VMTRACE_INTERPOSE_H
#define VMTRACE_INTERPOSE_H

#include "callstack.h"
#include "real.h"
#include "record.h"

/* Wrappers keep a frame pointer: CALLSTACK_START reads the caller's registers through it. */
#define EXPORT __attribute__((visibility("default")))

/* Looks up what follows the wrapper of `name`.  Done for all wrappers when the library starts:
 * dlsym takes the loader's lock, which a wrapper called in a signal handler must not. */
#define RESOLVE(name) (real_##name = (__typeof__(real_##name))real_next(#name))

/* For wrappers that another library's constructor may call before ours has run. */
#define REAL(name)                                                                                 \
    (__builtin_expect(real_##name == NULL, 0) ? (real_resolve(), real_##name) : real_##name)

void interpose_map_resolve(void);
void interpose_new_resolve(void);
void interpose_process_resolve(void);
void interpose_signal_resolve(void);
void interpose_spawn_resolve(void);
void interpose_privilege_resolve(void);
void interpose_thread_resolve(void);

#endif
